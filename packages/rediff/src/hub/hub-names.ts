/** Names that come from a user or from a hub and become paths or addresses: model ids, revisions, files, patterns. */
import { UserError } from "../errors.js";
import { assertText } from "../options/option-set.js";

/** The id itself if it is one: `name` or `org/name`, the hub's own rules. */
export function checkModelId(id: string): string {
  // Callers without types.
  if (typeof id !== "string") assertText("the model's id", id);
  const problem = modelIdProblem(id);
  if (problem === undefined) return id;
  const address = /^(?:https?|hf):\/\/(?:[^/]+\.[^/]+\/)?([\w.-]+\/[\w.-]+)/.exec(id)?.[1];
  throw new UserError(
    `"${id}" is not a model id: ${problem}`,
    address ? `Did you mean ${address}?` : "Write ORG/NAME, for example GSAI-ML/LLaDA-V.",
  );
}

/** A data set as its addresses and its folder in the cache have it: what else is asked of a hub is the same. */
export const datasetRepo = (id: string): string => `${DATASETS}${id}`;
const DATASETS = "datasets/";

/** "org/name" of either; undefined of a model. */
export const datasetOf = (repo: string): string | undefined =>
  repo.startsWith(DATASETS) && repo.split("/").length > 2 ? repo.slice(DATASETS.length) : undefined;

export function isModelId(id: string): boolean {
  return modelIdProblem(id) === undefined;
}

function modelIdProblem(id: string): string | undefined {
  const parts = id.split("/");
  if (parts.length > 2) return "more than one slash";
  for (const part of parts) {
    if (part.length === 0 || part.length > 96) return "each part has 1 to 96 characters";
    if (!/^[A-Za-z0-9_.-]+$/.test(part)) return "only letters, digits, '-', '_' and '.'";
    if (!/^\w.*\w$|^\w$/.test(part)) return "no part starts or ends with '-' or '.'";
  }
  // "--" separates the parts in the cache's folder names.
  if (id.includes("--") || id.includes("..")) return "no '--' and no '..'";
  if (id.endsWith(".git")) return "no '.git' at the end";
  return undefined;
}

/** A branch, tag, `refs/pr/N` or commit. It becomes a path below `refs/`, so it must not leave it. */
export function checkRevision(revision: string): string {
  const parts = revision.split("/");
  const isPlain = parts.every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here
  if (isPlain && !revision.includes("..") && !/[\u0000-\u0020\u007f~^:?*[\\]/.test(revision)) return revision;
  throw new UserError(`"${revision}" is not a revision`, "Give a branch, a tag or a commit, for example main.");
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** True for a relative path that stays in its folder on every system. The names come from the hub: trust none. */
export function isSafeFileName(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here
  if (path.length === 0 || path.length > 1024 || /[\u0000-\u001f\u007f-\u009f\\:]/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** What a model folder needs. Never pickles (*.bin, *.pt) nor code (*.py), unless asked for by `--include`. */
export const MODEL_FILES: readonly string[] = [
  "*.json",
  "*.safetensors",
  "*.model",
  "*.txt",
  "*.jinja",
  "LICENSE*",
  "README*",
];

/** A test for file names by shell patterns, with huggingface_hub's meaning: `*` crosses slashes, `folder/` means all
 *  in it; case counts. */
export function fileFilter(include: readonly string[] | undefined, exclude: readonly string[] = []) {
  const wanted = (include ?? MODEL_FILES).map(matcherOf);
  const unwanted = exclude.map(matcherOf);
  return (path: string): boolean => wanted.some((fits) => fits(path)) && !unwanted.some((fits) => fits(path));
}

/** What stands between two stars: so many characters, each as the expression says. */
interface Piece {
  source: string;
  length: number;
}

const LONGEST_PATTERN = 1024;

/** Piece by piece, each at the first place where it fits: as one expression, a pattern of many stars would try every way to
 *  share a name out among them. */
function matcherOf(pattern: string): (path: string) => boolean {
  const notAPattern = () =>
    new UserError(`"${pattern}" is not a pattern`, "Write a shell pattern, for example '*.json'.");
  if (pattern.length > LONGEST_PATTERN) throw notAPattern();
  const [first = { source: "", length: 0 }, ...rest] = piecesOf(pattern.endsWith("/") ? `${pattern}*` : pattern);
  const last = rest.pop();
  let expressions: { start: RegExp; middle: RegExp[]; end: RegExp };
  try {
    expressions = {
      start: new RegExp(`^${first.source}${last === undefined ? "$" : ""}`, "s"),
      middle: rest.map(({ source }) => new RegExp(source, "gs")),
      end: new RegExp(`^${last?.source ?? ""}$`, "s"),
    };
  } catch {
    throw notAPattern();
  }
  const { start, middle, end } = expressions;
  return (path) => {
    if (!start.test(path)) return false;
    if (last === undefined) return true;
    let at = first.length;
    for (const piece of middle) {
      piece.lastIndex = at;
      if (!piece.test(path)) return false;
      at = piece.lastIndex;
    }
    return path.length - last.length >= at && end.test(path.slice(path.length - last.length));
  };
}

function piecesOf(glob: string): Piece[] {
  const pieces: Piece[] = [{ source: "", length: 0 }];
  for (const [token, negated, set] of glob.matchAll(/\[(!?)([^\]]+)\]|./gs)) {
    const piece = pieces.at(-1);
    if (token === "*") pieces.push({ source: "", length: 0 });
    else if (piece !== undefined) {
      piece.length++;
      if (set !== undefined) piece.source += `[${negated ? "^" : ""}${set.replace(/[\\^[\]]/g, "\\$&")}]`;
      else piece.source += token === "?" ? "." : token.replace(/[\\^$.|+()[\]{}]/, "\\$&");
    }
  }
  return pieces;
}
