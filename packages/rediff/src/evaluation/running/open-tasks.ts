/** From names to tasks with their documents: what is wrong with either is told before a model is loaded. */
import { extname } from "node:path";
import { OptionError, option, UserError, wording } from "../../errors.js";
import { readUtf8 } from "../../files/utf8-text.js";
import { loadCaptureParts } from "../capture/capture-parts.js";
import { parseSynonyms } from "../chair/chair.js";
import { type Chosen, chooseDocuments, type Shard } from "../documents/chosen-documents.js";
import { findDataFiles } from "../documents/data-files.js";
import { type DocumentSource, openDocuments, withoutBytes } from "../documents/document-source.js";
import { picturesOf } from "../documents/picture-columns.js";
import { type SceneKind, sceneDocuments } from "../documents/scene-documents.js";
import { openMeteorFiles } from "../meteor/meteor-files.js";
import type { Task } from "../task.js";
import { expandTasks, type FurnishedTask, findTask, isFurnished } from "../task-registry.js";
import { captureTask } from "../tasks/caption/capture-task.js";
import { chairCaptions } from "../tasks/caption/chair-captions.js";
import { cocoCaption, cocoCaptionWithMeteor } from "../tasks/caption/coco-caption.js";
import { parseUserTask } from "../user-task.js";
import { openWordNet } from "../wordnet/wordnet-files.js";
import type { EvaluateOptions } from "./evaluate-options.js";

export interface OpenTask {
  task: Task;
  protocol: string;
  source: DocumentSource;
  chosen: Chosen;
}

const sceneTasks: Readonly<Record<string, SceneKind>> = {
  scenes_caption: "train",
  scenes_style: "style",
  scenes_combinations: "combinations",
};

/** @param tileSize of the model that is asked: scenes that are made for it have that size
 *  @throws UserError for a name, a file or a column that is not there */
export async function openTasks(
  options: EvaluateOptions,
  { tileSize, shard }: { tileSize: number; shard: Shard | undefined },
): Promise<OpenTask[]> {
  const { data, limit } = options;
  const opened: OpenTask[] = [];
  for (const { task, protocol } of await namedTasks(options)) {
    const kind = sceneTasks[task.name];
    const source =
      kind !== undefined && data === undefined
        ? sceneDocuments(kind, tileSize, limit)
        : await openDocuments(await findDataFiles(task, data));
    await assertFirst(task, source);
    opened.push({ task, protocol, source, chosen: await chooseDocuments(task, source, { limit, shard }) });
  }
  const twice = opened.find(({ task }, i) => opened.slice(0, i).some((other) => other.task.name === task.name));
  if (twice !== undefined)
    throw new UserError(`two tasks are called ${twice.task.name}`, "Give one of them another name.");
  return opened;
}

async function namedTasks(options: EvaluateOptions): Promise<{ task: Task; protocol: string }[]> {
  const { tasks, protocol } = options;
  const isFile = (name: string) => /^\.ya?ml$/i.test(extname(name));
  const own = await Promise.all(
    tasks.filter(isFile).map(async (file) => ({ task: parseUserTask(await readUtf8(file), file), protocol: "own" })),
  );
  const known = expandTasks(tasks.filter((name) => !isFile(name)));
  const found = await Promise.all(
    known.map(async (name) =>
      isFurnished(name) ? { task: await furnish(name, options), protocol: "rediff" } : findTask(name, protocol),
    ),
  );
  return [...(await withMeteor(found, options)), ...own];
}

async function withMeteor<Found extends { task: Task }>(
  found: readonly Found[],
  { meteor }: EvaluateOptions,
): Promise<Found[]> {
  if (meteor === undefined) return [...found];
  const { name } = cocoCaption;
  if (!found.some(({ task }) => task.name === name))
    throw new OptionError("meteor", wording`${option("meteor")} is for ${name}, which is not asked for`);
  const task = cocoCaptionWithMeteor(await openMeteorFiles(meteor));
  return found.map((one) => (one.task.name === name ? { ...one, task } : one));
}

async function furnish(name: FurnishedTask, { synonyms, captureParts }: EvaluateOptions): Promise<Task> {
  if (name === "capture") return captureTask(await loadCaptureParts(captureParts), await openWordNet());
  if (synonyms === undefined)
    throw new UserError(
      `${name} needs CHAIR's table of words for objects, which does not come with rediff`,
      "Name the benchmark's synonyms.txt with --synonyms FILE.",
    );
  return chairCaptions(parseSynonyms(await readUtf8(synonyms)));
}

/** Documents that are looked at before anything is asked. */
const LOOKED_AT = 8;

/** The data are the task's, and there are pictures: if none of the first has one, none is expected of the others. */
async function assertFirst(task: Task, source: DocumentSource): Promise<void> {
  let trouble: unknown;
  let seen = 0;
  for await (const { document, where } of source.documents()) {
    await checked(task, document, where);
    try {
      picturesOf(task.pictures(withoutBytes(document)), document, source.folders);
      return;
    } catch (error) {
      trouble ??= error instanceof UserError ? new UserError(`${await where()}: ${error.message}`, error.hint) : error;
    }
    if (++seen === LOOKED_AT) break;
  }
  if (trouble !== undefined) throw trouble;
}

/** @throws UserError naming the place and the column */
export async function checked(task: Task, document: unknown, where: () => Promise<string>): Promise<void> {
  try {
    task.check(document);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${await where()}: ${error.message}`, error.hint, { cause: error });
  }
}
