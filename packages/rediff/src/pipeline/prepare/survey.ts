/** What of a data set a downloaded folder holds, and what is missing. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { isPictureName } from "../../vision/picture/picture-names.js";
import { isVideoName } from "../../vision/video/video-names.js";
import { type Archive, groupArchives, openArchive } from "../archives/archive.js";
import type { Layout, MediaGroup, RecordsSpec } from "./dataset-layouts.js";

export interface FoundMedia {
  group: MediaGroup;
  archives: Archive[];
  /** Unpacked by someone else, where there are no archives. */
  folder: string | undefined;
}

export interface FoundRecords {
  spec: RecordsSpec;
  /** Paths in the folder; several for parquet shards. */
  files: string[];
  picturesInside: boolean;
  media: FoundMedia[];
}

export interface Survey {
  found: FoundRecords[];
  /** One line each: what was expected, what was found instead. */
  missing: string[];
  /** Downloads that are not finished. */
  unfinished: string[];
}

/** Pictures may lie about by the hundred thousand; archives and records lie near the top. */
const DEEPEST = 3;
const NOT_LOOKED_INTO = ["images", "imgs", "videos"];

export interface SurveyOptions {
  /** Names of outputs, such as mammoth_ov_2M; all where it is left out. */
  only?: readonly string[] | undefined;
}

export async function survey(layout: Layout, folder: string, { only }: SurveyOptions = {}): Promise<Survey> {
  const names = await listFiles(folder);
  const archives = groupArchives(names);
  const result: Survey = {
    found: [],
    missing: [],
    unfinished: names.filter((name) => /\.(?:incomplete|aria2|part|crdownload)$/.test(name)),
  };
  const specs = chosen(layout, only);
  const hasChoice = specs.length > 1;
  for (const spec of specs) {
    const source = spec.sources
      .map((one) => ({ ...one, found: names.filter((name) => one.files.test(name)).sort() }))
      .find(({ found }) => found.length > 0);
    if (source === undefined) {
      // Of a data set with several parts one may want a single one.
      result.missing.push(spec.sources.map(({ what }) => what).join(" or "));
      continue;
    }
    const picturesInside = source.picturesInside === true;
    if (picturesInside) result.missing.push(...missingShards(source.found));
    const media: FoundMedia[] = [];
    for (const group of picturesInside ? [] : spec.media) {
      const { found, missing } = await findMedia(folder, group, archives);
      media.push(found);
      result.missing.push(...missing);
    }
    result.found.push({ spec, files: picturesInside ? source.found : source.found.slice(0, 1), picturesInside, media });
  }
  if (hasChoice && result.found.length > 0) result.missing = withoutUnwanted(result.missing, specs);
  result.missing = [...new Set(result.missing)];
  return result;
}

function chosen(layout: Layout, only: readonly string[] | undefined): readonly RecordsSpec[] {
  if (only === undefined) return layout.records;
  const nameOf = (spec: RecordsSpec) => spec.output.replace(/\.json$/, "");
  const names = layout.records.map(nameOf);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UserError(`--only ${unknown}: ${layout.name} has no such part`, `Its parts are ${names.join(" and ")}.`);
  return layout.records.filter((spec) => only.includes(nameOf(spec)));
}

/** Whoever has one part of several is not asked for the others' records. */
function withoutUnwanted(missing: readonly string[], specs: readonly RecordsSpec[]): string[] {
  const records = specs.map((spec) => spec.sources.map(({ what }) => what).join(" or "));
  return missing.filter((what) => !records.includes(what));
}

async function findMedia(
  folder: string,
  group: MediaGroup,
  all: readonly { name: string; parts: string[] }[],
): Promise<{ found: FoundMedia; missing: string[] }> {
  const matching = all.filter(({ name }) => group.archives.test(name));
  const archives: Archive[] = [];
  for (const match of matching) archives.push(await openArchive(folder, match));
  if (archives.length > 0) {
    const stems = new Set(archives.map(({ name }) => stemOf(name)));
    const lacking = group.expected.filter((name) => !stems.has(stemOf(name)));
    // A publisher may pack anew under other names; a single archive is then as good as the one that is known.
    const isRepacked = group.expected.length === 1;
    return { found: { group, archives, folder: undefined }, missing: isRepacked ? [] : summarize(lacking, group) };
  }
  const unpacked = group.unpacked.find((name) => isFolderOfMedia(join(folder, name)));
  if (unpacked !== undefined) return { found: { group, archives, folder: join(folder, unpacked) }, missing: [] };
  return { found: { group, archives, folder: undefined }, missing: summarize(group.expected, group) };
}

/** Folders and packing do not matter: shard_3.tar is as good as single_image_data/shard_3.tar.gz. */
const stemOf = (name: string): string => name.replace(/^.*\//, "").replace(/\.(?:zip|tar|tar\.gz|tgz)$/i, "");

/** A folder that holds pictures or videos, or folders that may: not the one that archives were downloaded to. */
function isFolderOfMedia(path: string): boolean {
  if (!isFolder(path)) return false;
  return readdirSync(path, { withFileTypes: true }).some(
    (entry) => entry.isDirectory() || isPictureName(entry.name) || isVideoName(entry.name),
  );
}

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

function summarize(names: readonly string[], { expected }: MediaGroup): string[] {
  if (names.length === 0) return [];
  if (names.length <= 3) return [...names];
  return [`${names[0]} ... ${names.at(-1)} (${names.length} of ${expected.length} archives)`];
}

/** train-00000-of-00250.parquet tells how many there should be. */
function missingShards(names: readonly string[]): string[] {
  const total = Number(/-of-(\d+)\.parquet$/.exec(names[0] ?? "")?.[1] ?? names.length);
  const numbers = new Set(names.map((name) => Number(/-(\d+)-of-/.exec(name)?.[1])));
  const missing = Array.from({ length: total }, (_, i) => i).filter((number) => !numbers.has(number));
  if (missing.length === 0) return [];
  const pad = (number: number) => String(number).padStart(5, "0");
  const first = missing.slice(0, 3).map(pad).join(", ");
  return [
    `data/train-*-of-${pad(total)}.parquet: ${missing.length} of ${total}: ${first}${missing.length > 3 ? ", ..." : ""}`,
  ];
}

async function listFiles(folder: string): Promise<string[]> {
  const names: string[] = [];
  const visit = async (path: string, depth: number) => {
    const entries = await readdir(join(folder, path), { withFileTypes: true }).catch((cause: unknown) => {
      throw fileError(join(folder, path), cause);
    });
    for (const entry of entries) {
      const name = path === "" ? entry.name : `${path}/${entry.name}`;
      const isInside = entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(folder, name)));
      if (!isInside) names.push(name);
      else if (depth < DEEPEST + (name.startsWith(".cache") ? 3 : 0) && !NOT_LOOKED_INTO.includes(entry.name))
        await visit(name, depth + 1);
    }
  };
  await visit("", 1);
  return names;
}
