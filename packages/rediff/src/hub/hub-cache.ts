/** The hub's cache on disk, laid out as huggingface_hub lays it out, so that both read what either pulled:
 *
 *      CACHE/models--ORG--NAME/refs/main                      the commit, 40 digits
 *                              snapshots/COMMIT/config.json   -> ../../blobs/ETAG
 *                              blobs/ETAG                     the bytes; ETAG.incomplete while they come
 *                              .rediff/COMMIT.json            ours: the files that a pull set out to get, with sizes
 *      CACHE/.locks/models--ORG--NAME/ETAG.rediff.lock        ours, see files/file-lock.ts
 *
 *  A snapshot folder exists from its first file on, so its existence says nothing. A snapshot is complete when
 *  1. every file of our list (written before the first byte is asked for) is there with its size; without such a list
 *     but with huggingface_hub's own (`trees/COMMIT.json`, newer versions), every file of it that a model needs; and
 *  2. config.json is there, and model.safetensors or all shards that the index names (huggingface_hub issue 3371); or
 *     adapter_config.json is, and the adapter's weights.
 *  A pull with `--include` or `--exclude` adds to the list and never shortens it: an interrupted full pull stays
 *  incomplete until a full pull ends. `refs/` is written last, so a name keeps its older, complete snapshot till then. */
import { randomUUID } from "node:crypto";
import { constants, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { checkModelId, checkRevision, datasetOf, isCommit, isSafeFileName } from "./hub-names.js";
import { cacheDirectory } from "./hub-settings.js";

export interface CachedModel {
  folder: string;
  commit: string;
  /** What keeps the snapshot from being complete; empty when it is. */
  missing: string[];
}

export const CONFIG_FILE = "config.json";
const INDEX_FILE = "model.safetensors.index.json";

/** The snapshot folder of a complete model in the cache, or undefined. */
export async function findCached(
  id: string,
  revision = "main",
  cacheDir = cacheDirectory(),
): Promise<string | undefined> {
  const cached = await inspectCached(id, revision, cacheDir);
  return cached?.missing.length === 0 ? cached.folder : undefined;
}

/** What the cache has of a model, or undefined if it has nothing. */
export async function inspectCached(id: string, revision: string, cacheDir: string): Promise<CachedModel | undefined> {
  const dataset = datasetOf(id);
  const repo = repoFolder(cacheDir, dataset === undefined ? checkModelId(id) : id);
  const commit = isCommit(checkRevision(revision)) ? revision : await readRef(repo, revision);
  if (commit === undefined) return undefined;
  const folder = snapshotFolder(repo, commit);
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return undefined;

  const missing = new Set(dataset === undefined ? await missingWeights(folder, names) : []);
  for (const [path, size] of await neededFiles(repo, commit)) {
    if (!(await hasFile(join(folder, path), size))) missing.add(path);
  }
  return { folder, commit, missing: [...missing] };
}

export function repoFolder(cacheDir: string, id: string): string {
  return join(cacheDir, repoName(id));
}

export function blobPath(repo: string, etag: string): string {
  return join(repo, "blobs", etag);
}

export function snapshotFolder(repo: string, commit: string): string {
  return join(repo, "snapshots", commit);
}

export function lockPath(cacheDir: string, id: string, etag: string): string {
  return join(cacheDir, ".locks", repoName(id), `${etag}.rediff.lock`);
}

/** True if `path` leads to a file of that size (any size, when the size is unknown). */
export async function hasFile(path: string, size?: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && (size === undefined || found.size === size);
}

/** Gives a blob its name in the snapshot, in one step even over an older entry. Where the system has no symbolic links
 *  (or `symlinks` is false) the bytes are copied, which the caller has to say: it doubles the room needed. */
export async function linkIntoSnapshot(
  repo: string,
  commit: string,
  path: string,
  etag: string,
  symlinks: boolean,
): Promise<"linked" | "copied"> {
  const entry = join(snapshotFolder(repo, commit), ...path.split("/"));
  const blob = blobPath(repo, etag);
  await mkdir(dirname(entry), { recursive: true });
  const draft = join(repo, "blobs", `${randomUUID()}.tmp`);
  try {
    const isLinked = symlinks && (await trySymlink(relative(dirname(entry), blob), draft));
    if (!isLinked) await copyFile(blob, draft, constants.COPYFILE_FICLONE);
    await rename(draft, entry);
    return isLinked ? "linked" : "copied";
  } finally {
    await rm(draft, { force: true });
  }
}

/** Points a branch or tag to its commit. Call it last. */
export async function writeRef(repo: string, revision: string, commit: string): Promise<void> {
  if (revision === commit || (await readRef(repo, revision)) === commit) return;
  await writeAtomically(join(repo, "refs", ...revision.split("/")), commit);
}

/** Notes what a pull is about to get; see the head of this file for `isWhole`. */
export async function writeWanted(
  repo: string,
  commit: string,
  files: readonly { path: string; size: number }[],
  isWhole: boolean,
): Promise<void> {
  const sizes = new Map(isWhole ? [] : await readWanted(repo, commit));
  for (const file of files) sizes.set(file.path, file.size);
  const text = JSON.stringify({ format_version: 1, files: Object.fromEntries(sizes) }, undefined, 1);
  await writeAtomically(wantedPath(repo, commit), `${text}\n`);
}

const wantedFile = z.object({ files: z.record(z.string(), z.number()) });
const treeFile = z.object({
  format_version: z.literal(1),
  files: z.record(z.string(), z.object({ size: z.number() })),
});
const shardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

function repoName(id: string): string {
  return `${datasetOf(id) === undefined ? "models--" : ""}${id.replaceAll("/", "--")}`;
}

function wantedPath(repo: string, commit: string): string {
  return join(repo, ".rediff", `${commit}.json`);
}

async function readRef(repo: string, revision: string): Promise<string | undefined> {
  const text = await readFile(join(repo, "refs", ...revision.split("/")), "utf8").catch(() => "");
  return isCommit(text.trim()) ? text.trim() : undefined;
}

async function readWanted(repo: string, commit: string): Promise<[string, number][] | undefined> {
  const wanted = await readJsonFile(wantedPath(repo, commit), wantedFile);
  return wanted && safeEntries(Object.entries(wanted.files));
}

/** [path, size] of the files that must be there, as far as a list of them is. */
async function neededFiles(repo: string, commit: string): Promise<[string, number][]> {
  const wanted = await readWanted(repo, commit);
  if (wanted) return wanted;
  const tree = await readJsonFile(join(repo, "trees", `${commit}.json`), treeFile);
  if (!tree) return [];
  const entries = Object.entries(tree.files).map(([path, { size }]): [string, number] => [path, size]);
  // It lists the whole repository, of which the other library may have been asked for a part.
  return safeEntries(entries.filter(([path]) => /^[^/]+\.(json|safetensors|model|jinja)$/.test(path)));
}

function safeEntries(entries: [string, number][]): [string, number][] {
  return entries.filter(([path]) => isSafeFileName(path));
}

async function missingWeights(folder: string, names: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  const need = async (name: string) => {
    if (!(await hasFile(join(folder, name)))) missing.push(name);
  };
  const isAdapter = names.includes("adapter_config.json") && !names.some((name) => /^model[.-]/.test(name));
  if (isAdapter) {
    if (!names.includes("adapter_model.bin")) await need("adapter_model.safetensors");
    return missing;
  }
  await need(CONFIG_FILE);
  const isSharded = names.includes(INDEX_FILE) && names.some((name) => /^model-\d+-of-\d+\.safetensors$/.test(name));
  if (!isSharded && (await hasFile(join(folder, "model.safetensors")))) return missing;

  const indices = names.filter((name) => name.endsWith(".safetensors.index.json"));
  for (const name of indices) {
    const index = await readJsonFile(join(folder, name), shardIndex);
    if (!index) missing.push(`${name} (unreadable)`);
    for (const shard of new Set(Object.values(index?.weight_map ?? {}))) if (isSafeFileName(shard)) await need(shard);
  }
  const weights = names.filter((name) => name.endsWith(".safetensors"));
  if (weights.length === 0 && indices.length === 0) missing.push("*.safetensors");
  // Shards without their index are a pull that was cut off.
  if (indices.length === 0 && weights.some((name) => /-\d+-of-\d+\.safetensors$/.test(name))) {
    missing.push(INDEX_FILE);
  }
  for (const name of weights) await need(name);
  return missing;
}

/** The file's value, or undefined if it is not there, no JSON, or of another shape. */
async function readJsonFile<T extends z.ZodType>(path: string, shape: T): Promise<z.output<T> | undefined> {
  try {
    return shape.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

async function writeAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

async function trySymlink(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"].includes(code)) return false;
    throw error;
  }
}
