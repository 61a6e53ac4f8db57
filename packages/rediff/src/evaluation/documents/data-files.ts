/** Which files of a folder are a task's: data sets lie as the hub has them, as they were copied, or in its cache. */
import { readdirSync } from "node:fs";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { UserError } from "../../errors.js";
import { infoOf } from "../../files/regular-file.js";
import { findCached } from "../../hub/hub-cache.js";
import { datasetRepo } from "../../hub/hub-names.js";
import type { DataSource } from "../task.js";

export interface DataFiles {
  files: readonly string[];
  /** Where pictures and videos that are named may lie. */
  folders: readonly string[];
  revision?: string | undefined;
}

const ENDINGS = [".parquet", ".jsonl", ".ndjson", ".json"];
/** What files of other splits have in their names. */
const SPLITS = /^(train|training|val|valid|validation|dev|test|testmini)$/;
/** JSON beside data that is none. */
const NO_DATA = /^(dataset_infos?|dataset_dict|state|config)\.json$/i;

/** @param place a file, a data set's folder, or one that holds folders of data sets by name; undefined: the hub's cache
 *  @throws UserError where nothing of the task is there */
export async function findDataFiles(
  task: { name: string; source?: DataSource | undefined },
  place: string | undefined,
): Promise<DataFiles> {
  if (place === undefined) return inCache(task);
  const info = infoOf(place);
  if (info === undefined) throw new UserError(`there is no ${place}`, "Name a data set's folder, or a file of it.");
  if (!info.isDirectory()) return { files: [place], folders: [dirname(place)], revision: commitOf(place) };
  const folder = ownFolder(task, place);
  const files = filesOf(task.source, folder);
  if (files.length > 0) return { files, folders: [folder, ...parents(files), place], revision: commitOf(folder) };
  throw nothingThere(task, folder);
}

async function inCache(task: { name: string; source?: DataSource | undefined }): Promise<DataFiles> {
  const { source } = task;
  if (source === undefined)
    throw new UserError(`${task.name} names no data set`, "Say with --data where its documents are.");
  const folder = await findCached(datasetRepo(source.dataset));
  const hint = `Say with --data where it is, or get it with: rediff pull --dataset ${source.dataset}`;
  if (folder === undefined) throw new UserError(`${task.name} needs the data set ${source.dataset}`, hint);
  const files = filesOf(source, folder);
  if (files.length === 0) throw nothingThere(task, folder);
  return { files, folders: [folder, ...parents(files)], revision: commitOf(folder) };
}

/** FOLDER/lmms-lab/MMMU, FOLDER/MMMU or FOLDER/mmmu_val, where there is one; else the folder itself. */
function ownFolder({ name, source }: { name: string; source?: DataSource | undefined }, folder: string): string {
  const names = [...(source === undefined ? [] : [source.dataset, basename(source.dataset)]), name];
  const own = names.map((one) => join(folder, one)).find((path) => infoOf(path)?.isDirectory() === true);
  return own ?? folder;
}

function filesOf(source: DataSource | undefined, folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".") && !NO_DATA.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => ENDINGS.includes(extname(path).toLowerCase()) && infoOf(path)?.isFile() === true)
    .sort();
  if (source === undefined) return all;
  const { config, splits } = source;
  const partsOf = (path: string) => relative(folder, path).split(sep);
  const ofConfig = (path: string) => partsOf(path).some((part) => part === config || part.startsWith(`${config}-`));
  const configured = config !== undefined && all.some(ofConfig) ? all.filter(ofConfig) : all;
  const isOf = (path: string, split: string) =>
    (basename(path).slice(0, split.length) === split && !/\w/.test(basename(path)[split.length] ?? "")) ||
    partsOf(path).slice(0, -1).includes(split);
  const ofSplit = configured.filter((path) => splits.some((split) => isOf(path, split)));
  if (ofSplit.length > 0) return ofSplit;
  // Files that name no split at all are all there is.
  const named = configured.some((path) => partsOf(path).some((part) => SPLITS.test(part.split(/[-.]/)[0] ?? "")));
  return named ? [] : configured;
}

const parents = (files: readonly string[]): string[] => [...new Set(files.map((file) => dirname(file)))];

/** Of a snapshot in the hub's cache. */
const commitOf = (path: string): string | undefined => /[\\/]snapshots[\\/]([0-9a-f]{40})(?:[\\/]|$)/.exec(path)?.[1];

function nothingThere({ name, source }: { name: string; source?: DataSource | undefined }, folder: string): UserError {
  const wanted =
    source === undefined
      ? "documents (.parquet, .jsonl or .json)"
      : `${source.dataset}, ${[source.config, source.splits.join(" and ")].filter(Boolean).join(", ")}`;
  const there = readdirSync(folder).filter((entry) => !entry.startsWith("."));
  const listed = there.length === 0 ? "nothing" : `${there.slice(0, 5).join(", ")}${there.length > 5 ? ", ..." : ""}`;
  return new UserError(
    `${folder} has no files of ${name}: ${wanted}`,
    `It has ${listed}. A split's files begin with its name; --data may also be one file.`,
  );
}
