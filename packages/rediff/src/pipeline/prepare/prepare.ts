/** From a downloaded public data set to what a recipe asks for: pictures unpacked, records under the names that the
 *  recipes know, each checked for its media, and a mixture file for each. */
import { basename, join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { withLock } from "../../files/file-lock.js";
import { findNaming, isThere, type Naming } from "../archives/media-names.js";
import { type UnpackedArchive, type UnpackJob, unpackAll } from "../archives/unpack.js";
import type { JsonRecord } from "../formats/exact-json.js";
import { PictureFolder } from "../formats/picture-folder.js";
import { openRecords } from "../formats/record-source.js";
import type { RecordSource, SourceRecord } from "../formats/record-stream.js";
import { writeRecords } from "../formats/record-writer.js";
import { DATASETS, type DatasetName, layouts } from "./dataset-layouts.js";
import { normalizeRecord } from "./normalize-record.js";
import { type FoundRecords, type Survey, survey } from "./survey.js";

export { DATASETS, type DatasetName };

export interface PrepareOptions {
  output: string;
  only?: readonly string[] | undefined;
  /** Go on where something is missing, and leave out records that need it. */
  skipBad?: boolean | undefined;
  maxRatio: number;
  onProgress?: ((event: PrepareProgress) => void) | undefined;
}

export interface PrepareProgress {
  /** An archive or a file of records. */
  what: string;
  unit: "B" | "records";
  done: number;
  total: number;
}

export interface PreparedRecords {
  data: string;
  /** YAML file that a recipe's `data` can point at. */
  mixture: string;
  records: number;
  left_out: number;
  image_folder: string | undefined;
  video_folder: string | undefined;
  notes: string[];
}

export interface PreparedDataset {
  dataset: DatasetName;
  archives: UnpackedArchive[];
  files: PreparedRecords[];
  /** What the download lacks; only with `skipBad`. */
  missing: string[];
}

/** What is there and what is not. @throws UserError when the folder holds nothing of the data set */
export async function surveyDataset(name: DatasetName, folder: string, only?: readonly string[]): Promise<Survey> {
  const layout = layouts[name];
  const result = await survey(layout, folder, { only });
  if (result.found.length > 0) return result;
  throw new UserError(
    `${folder}: no records of ${layout.hub} are there; expected ${result.missing.join(", ")}`,
    downloadHint(name, folder),
  );
}

export function downloadHint(name: DatasetName, folder: string): string {
  return `Download the data set ${layouts[name].hub} from the Hugging Face hub, for example with: hf download ${layouts[name].hub} --repo-type dataset --local-dir ${folder}`;
}

export async function prepareDataset(
  name: DatasetName,
  folder: string,
  options: PrepareOptions,
): Promise<PreparedDataset> {
  const { output, only, skipBad, maxRatio, onProgress } = options;
  const { found, missing, unfinished } = await surveyDataset(name, folder, only);
  const lacking = [...missing, ...unfinished.map((file) => `${file} (its download is not finished)`)];
  if (lacking.length > 0 && !skipBad)
    throw new UserError(
      `${folder} lacks ${lacking.join(", ")}`,
      `${downloadHint(name, folder)}. Or go on with what is there, without the records that need the rest: --skip-bad.`,
    );
  return alone(output, async () => {
    const archives = await unpackAll(jobsOf(found), output, {
      maxRatio,
      onProgress: onProgress && (({ archive, ...counts }) => onProgress({ what: archive, unit: "B", ...counts })),
    });
    const files: PreparedRecords[] = [];
    for (const records of found) files.push(await convertFound(layouts[name].hub, folder, records, options));
    return { dataset: name, archives, files, missing: lacking };
  });
}

/** Two runs that unpack to one folder would take each other's files away. */
async function alone<Result>(output: string, work: () => Promise<Result>): Promise<Result> {
  const refused = new AbortController();
  const onWait = () =>
    refused.abort(new UserError(`another process is preparing ${output}`, "Wait until it has ended."));
  return withLock(join(output, ".rediff-prepare.lock"), { onWait, signal: refused.signal }, work);
}

function jobsOf(found: readonly FoundRecords[]): UnpackJob[] {
  const jobs = new Map<string, UnpackJob>();
  for (const { media } of found)
    for (const { group, archives } of media)
      for (const archive of archives) jobs.set(archive.name, { archive, into: group.into });
  return [...jobs.values()];
}

type MediaKind = "images" | "videos";

async function convertFound(
  hub: string,
  folder: string,
  found: FoundRecords,
  { output, skipBad, onProgress }: PrepareOptions,
): Promise<PreparedRecords> {
  const data = join(output, found.spec.output);
  const folders = mediaFolders(found, output);
  const pictures = found.picturesInside ? new PictureFolder(join(output, "images")) : undefined;
  const sources: RecordSource[] = [];
  for (const file of found.files) sources.push(await openRecords(join(folder, file), { pictures }));
  const total = sources.reduce((sum, { count }) => sum + count, 0);
  const first = sources[0];
  const naming = found.picturesInside || first === undefined ? {} : await namingsOf(first.records(), folders);

  const complaints = new Complaints(skipBad === true);
  let done = 0;
  let kept = 0;
  await writeRecords(
    data,
    async (writer) => {
      for (const source of sources)
        for await (const record of source.records()) {
          onProgress?.({ what: found.spec.output, unit: "records", done: ++done, total });
          const ready = await readied(record, naming, found.picturesInside ? {} : folders, complaints);
          if (ready === undefined) continue;
          await writer.write(ready);
          kept++;
        }
      complaints.check(total);
    },
    { compact: true },
  );
  const mixture = await writeMixture(data, hub, kept, folders);
  return {
    data,
    mixture,
    records: kept,
    left_out: total - kept,
    image_folder: folders.images,
    video_folder: folders.videos,
    notes: [...complaints.notes(), ...Object.values(naming).flatMap(({ note }) => (note === undefined ? [] : [note]))],
  };
}

type Folders = Partial<Record<MediaKind, string>>;
type Namings = Partial<Record<MediaKind, Naming>>;

/** Where each kind of media lies: unpacked by us, or by someone else before. */
function mediaFolders({ media, picturesInside }: FoundRecords, output: string): Folders {
  const folders: Folders = picturesInside ? { images: join(output, "images") } : {};
  for (const { group, archives, folder } of media) {
    if (archives.length > 0) folders[group.into] = join(output, group.into);
    else folders[group.into] ??= folder ?? join(output, group.into);
  }
  return folders;
}

/** Names that are looked at to see how they lead to files. */
const SAMPLE = 200;

async function namingsOf(records: AsyncGenerator<SourceRecord>, folders: Folders): Promise<Namings> {
  const seen: Record<MediaKind, string[]> = { images: [], videos: [] };
  let looked = 0;
  for await (const { value } of records) {
    const normal = normalizeRecord(value);
    if (typeof normal === "string") continue;
    seen.images.push(...normal.images);
    if (normal.video !== undefined) seen.videos.push(normal.video);
    const isEnough = (["images", "videos"] as const).every((kind) => !folders[kind] || seen[kind].length >= SAMPLE);
    if (isEnough || ++looked >= 100 * SAMPLE) break;
  }
  const namings: Namings = {};
  for (const kind of ["images", "videos"] as const)
    if (folders[kind] !== undefined) namings[kind] = findNaming(folders[kind], seen[kind].slice(0, SAMPLE));
  return namings;
}

/** The record as it goes into the result; undefined when it is left out. */
async function readied(
  { value, where }: SourceRecord,
  naming: Namings,
  folders: Folders,
  complaints: Complaints,
): Promise<JsonRecord | undefined> {
  const normal = normalizeRecord(value);
  if (typeof normal === "string") return complaints.add("malformed", `${await where()}: ${normal}`);
  const images = normal.images.map((name) => naming.images?.apply(name) ?? name);
  const video = normal.video === undefined ? undefined : (naming.videos?.apply(normal.video) ?? normal.video);
  const lacking =
    (folders.images !== undefined && images.find((name) => !isThere(folders.images ?? "", name))) ||
    (folders.videos !== undefined && video !== undefined && !isThere(folders.videos, video) && video);
  if (typeof lacking === "string") return complaints.add("missing", `${await where()}: ${lacking}`);
  return normal.build(images, video);
}

/** Counts what is wrong and remembers the first places. */
class Complaints {
  readonly #counts = { missing: 0, malformed: 0 };
  readonly #first = { missing: "", malformed: "" };

  constructor(private readonly skip: boolean) {}

  add(kind: "missing" | "malformed", place: string): undefined {
    if (this.#counts[kind]++ === 0) this.#first[kind] = place;
    return undefined;
  }

  /** @throws UserError when there were any and they are not to be skipped */
  check(total: number): void {
    const notes = this.notes();
    if (notes.length === 0 || this.skip) return;
    throw new UserError(
      `of ${total} records, ${notes.join("; ")}`,
      "Download what is missing, or leave these records out with --skip-bad. What is unpacked is not unpacked again.",
    );
  }

  notes(): string[] {
    const { missing, malformed } = this.#counts;
    return [
      ...(missing > 0 ? [`${missing} name pictures or videos that are not there (first: ${this.#first.missing})`] : []),
      ...(malformed > 0 ? [`${malformed} are malformed (first: ${this.#first.malformed})`] : []),
    ];
  }
}

/** A mixture beside the data. Paths in it are relative to it, so that the folder can be moved. */
async function writeMixture(data: string, hub: string, records: number, folders: Folders): Promise<string> {
  const path = data.replace(/\.json$/, ".yaml");
  const lines = [
    `# ${records} records of ${hub}. In a recipe:`,
    `#   data: ${path}`,
    ...(folders.images === undefined ? [] : [`#   image_folder: ${folders.images}`]),
    ...(folders.videos === undefined ? [] : [`#   video_folder: ${folders.videos}`]),
    stringify({ datasets: [{ json_path: basename(data), sampling_strategy: "all" }] }),
  ];
  await writeText(path, lines.join("\n"));
  return path;
}
