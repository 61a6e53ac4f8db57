/** Earlier runs: kept as they end, listed, read, deleted. The newest stay. */
import { type App, problemed } from "../app/app.js";
import type { State } from "../app/app-state.js";
import { isRunning, runKinds } from "../describe/describe-state.js";
import { savedOf } from "../describe/saved-comparison.js";
import { pictureKey } from "../picture/picture-actions.js";
import { applyEdits } from "../proofread/edits.js";
import { parse } from "../server/messages.js";
import { Problem } from "../server/problem.js";
import { assertRuns, fileOf } from "../trace/file.js";
import { type Change, storageProblem } from "./database.js";
import { type KeptRun, keptRunSchema, type Summary, summarySchema } from "./saved-parts.js";
import { savedFilled, savedReview } from "./saved-results.js";
import { savedPicture } from "./session.js";
import { smallCopy } from "./small-copy.js";

export const MOST_RUNS = 60;
/** Of all together. */
export const MOST_BYTES = 100_000_000;

/** What has come to an end between two states. */
export function runsEnded(before: State, now: State): KeptRun[] {
  const { picture } = now;
  const pictureThen = (key: string | undefined) =>
    key === pictureKey(picture) ? { pictureThen: savedPicture(picture) } : {};
  const runs: KeptRun[] = [];
  const { comparison } = now.describe;
  const isNew = comparison !== undefined && comparison !== before.describe.comparison && !isRunning(comparison);
  // What was opened is kept already, or is a file.
  if (isNew && isRunning(before.describe.comparison) && comparison.file === undefined) {
    const { created, sides, asked } = comparison;
    const saved = fileOf(savedOf(comparison));
    const known = { id: `describe-${created}`, created, model: sides.revising.model };
    const whole = { ...known, ...pictureThen(comparison.pictureKey), ...(asked && { asked }) };
    if (Object.keys(saved.runs).length > 0) runs.push({ kind: "describe", ...whole, comparison: saved });
  }
  const { review } = now.proofread;
  // Also after every decision about an edit.
  if (review !== undefined && review !== before.proofread.review && before.proofread.draft === now.proofread.draft) {
    const { created, model = "" } = review;
    const known = { id: `proofread-${created}`, created, model, ...pictureThen(review.pictureKey) };
    runs.push({ kind: "proofread", ...known, review: savedReview(review) });
  }
  const { result } = now.fill;
  if (result !== undefined && result !== before.fill.result && now.fill.template === before.fill.template) {
    const { created, model = "" } = result;
    const known = { id: `fill-${created}`, created, model, ...pictureThen(result.pictureKey) };
    runs.push({ kind: "fill", ...known, result: savedFilled(result) });
  }
  return runs;
}

/** Runs that could not be kept yet, by their ids: of each the last. */
const waiting = new WeakMap<App, Map<string, KeptRun>>();

export async function keepRun(app: App, run: KeptRun): Promise<void> {
  const unkept = waiting.get(app) ?? new Map<string, KeptRun>();
  waiting.set(app, unkept.set(run.id, run));
  await keepWaiting(app);
}

/** All that could not be kept so far. @returns whether all of it is kept now */
export async function keepWaiting(app: App): Promise<boolean> {
  const unkept = waiting.get(app);
  if (unkept === undefined || unkept.size === 0) return true;
  const runs = [...unkept.values()];
  try {
    const summaries = await Promise.all(runs.map(summaryOf));
    const { database } = app;
    const known = (await summariesOf(app)).filter(({ id }) => !unkept.has(id));
    const gone = beyondBounds([...known, ...summaries]);
    const puts = runs.flatMap((run, i): Change[] => {
      const summary = summaries[i];
      return summary === undefined
        ? []
        : [
            { store: "runs", put: run },
            { store: "summaries", put: summary },
          ];
    });
    await database.write([...puts, ...gone.flatMap(dropping)]);
    for (const run of runs) if (unkept.get(run.id) === run) unkept.delete(run.id);
    await listRuns(app);
    return true;
  } catch (thrown) {
    problemed(app, storageProblem(thrown));
    return false;
  }
}

/** Ids of the oldest, where there are too many or too large ones; the newest always stays. */
export function beyondBounds(summaries: readonly Summary[]): string[] {
  let bytes = 0;
  return newestFirst(summaries)
    .filter((summary, i) => {
      bytes += summary.bytes;
      return i > 0 && (i >= MOST_RUNS || bytes > MOST_BYTES);
    })
    .map(({ id }) => id);
}

function newestFirst(summaries: readonly Summary[]): Summary[] {
  return summaries.toSorted((a, b) => b.created.localeCompare(a.created));
}

const dropping = (id: string): Change[] => [
  { store: "runs", drop: id },
  { store: "summaries", drop: id },
];

async function summariesOf({ database }: App): Promise<Summary[]> {
  return (await database.all("summaries")).flatMap((value) => {
    const summary = parse(summarySchema, value);
    return summary.ok ? [summary.value] : [];
  });
}

export async function listRuns(app: App): Promise<void> {
  try {
    const list = newestFirst(await summariesOf(app));
    app.store.update((state) => ({ ...state, runs: { ...state.runs, list } }));
  } catch (thrown) {
    problemed(app, storageProblem(thrown));
    app.store.update((state) => ({ ...state, runs: { ...state.runs, list: [] } }));
  }
}

/** @throws Problem when it is not there, or cannot be read */
export async function readRun({ database }: App, id: string): Promise<KeptRun> {
  const value = await database.get("runs", id);
  if (value === undefined) throw new Problem("bad-file", "This run is not kept any more.");
  const run = parse(keptRunSchema, value);
  if (!run.ok) throw new Problem("bad-file", `This run was kept by another version of the page: ${run.problem}.`);
  if (run.value.kind === "describe") assertRuns(run.value.comparison);
  return run.value;
}

/** There is room then for what could not be kept. */
export async function deleteRuns(app: App, ids: readonly string[]): Promise<void> {
  try {
    await app.database.write(ids.flatMap(dropping));
    for (const id of ids) waiting.get(app)?.delete(id);
    if (await keepWaiting(app)) problemed(app, undefined);
    await listRuns(app);
  } catch (thrown) {
    problemed(app, storageProblem(thrown));
  }
}

// ---- what a list shows -----------------------------------------------------------------------------------------

/** Signs of a text in the list. */
const SHOWN = 400;

/** The texts of a run, by the names of who wrote them. */
export function textsOf(run: KeptRun): { asked: string; said: { who: string; text: string }[] } {
  switch (run.kind) {
    case "describe": {
      const { comparison } = run;
      const said = runKinds.flatMap((kind) => {
        const text = comparison.runs[kind]?.end?.text;
        return text === undefined ? [] : [{ who: comparison.sides?.[kind].title ?? kind, text }];
      });
      return { asked: comparison.prompt, said };
    }
    case "proofread": {
      const { draft, edits, rejected } = run.review;
      const text = applyEdits(draft, edits, (index) => !rejected.includes(index));
      return { asked: draft, said: [{ who: "Result", text }] };
    }
    case "fill":
      return { asked: run.result.template, said: [{ who: "Filled", text: run.result.text }] };
  }
}

export function pictureOfRun(run: KeptRun): { name: string; url: string } | undefined {
  if (run.kind === "describe") return run.comparison.picture;
  return run.kind === "proofread" ? run.review.picture : run.result.picture;
}

async function summaryOf(run: KeptRun): Promise<Summary> {
  const { id, kind, created, model } = run;
  const { asked, said } = textsOf(run);
  const url = pictureOfRun(run)?.url;
  const picture = url === undefined ? undefined : await smallCopy(url);
  return {
    ...{ id, kind, created, model },
    asked: asked.slice(0, SHOWN),
    said: (said.at(-1)?.text ?? "").slice(0, SHOWN),
    ...(picture !== undefined && { picture }),
    bytes: JSON.stringify(run).length,
  };
}
