/** Both runs of a comparison, side by side, and their files. */

import { type App, announce, begin, giveUp, noteProblem, patch } from "../app/app.js";
import { answering } from "../models/answering.js";
import { currentPicture, pictureKey, truthOf } from "../picture/picture-actions.js";
import type { RequestFields } from "../server/api.js";
import type { PassProgress } from "../server/messages.js";
import { Problem, problemOf } from "../server/problem.js";
import type { Span } from "../text/spans.js";
import { readComparison, writeComparison } from "../trace/file.js";
import { isTraceLines, readTraceLines } from "../trace/lines.js";
import { addEvent, type Trace, type TraceEvent } from "../trace/trace.js";
import { type Comparison, isRunning, lengthOf, type Run, type RunKind, runKinds, sidesOf } from "./describe-state.js";
import { type Player, tick } from "./player.js";
import { comparisonOf, savedOf } from "./saved-comparison.js";
import { fieldsOf, type Settings, settingsProblem } from "./settings.js";

export function setSettings(app: App, change: Partial<Settings>): void {
  patch(app, "describe", { settings: { ...app.store.get().describe.settings, ...change }, problem: undefined });
}

export function setBaseline(app: App, baseline: string): void {
  patch(app, "describe", { baseline, problem: undefined });
}

export function setPlayer(app: App, change: (player: Player, length: number, running: boolean) => Player): void {
  const { player, comparison } = app.store.get().describe;
  patch(app, "describe", { player: change(player, lengthOf(comparison), isRunning(comparison)) });
}

export function playerTick(app: App): void {
  setPlayer(app, tick);
}

/** Both runs at once; of one model the server decodes them as one batch. */
export async function runBoth(app: App): Promise<void> {
  const state = app.store.get();
  const { describe, models, picture: chosen } = state;
  const { settings } = describe;
  const sides = sidesOf(models, answering(state), describe.baseline);
  const wrong = sides === undefined ? "The server has no model." : settingsProblem(settings);
  const picture = wrong === undefined ? await picked(app) : undefined;
  if (wrong !== undefined || sides === undefined || picture instanceof Problem) {
    return patch(app, "describe", {
      problem: picture instanceof Problem ? picture : new Problem("refused", wrong ?? ""),
    });
  }
  const waiting: Run = { status: "running", trace: undefined, problem: undefined };
  const comparison: Comparison = {
    id: Symbol("comparison"),
    created: new Date().toISOString(),
    sides,
    prompt: settings.prompt,
    settings: sentSettings(settings),
    asked: settings,
    picture,
    pictureKey: pictureKey(chosen),
    facts: truthOf(app),
    runs: { plain: waiting, revising: waiting },
    file: undefined,
  };
  patch(app, "describe", {
    comparison,
    problem: undefined,
    player: { ...describe.player, at: 0, playing: false, live: true },
  });
  announce(app, "Both runs have begun.");
  await Promise.all(runKinds.map((kind) => runOne(app, kind)));
  const { runs } = app.store.get().describe.comparison ?? comparison;
  const said = runKinds.map((kind) => `${sides[kind].title}: ${runs[kind].trace?.end?.text ?? runs[kind].status}`);
  announce(app, said.join(". "));
}

/** A pass that takes so long shows how far it is. */
const LONG_PASS_SECONDS = 5;

/** One of the runs; also again, as it was asked for, when it has failed. */
export async function runOne(app: App, kind: RunKind): Promise<void> {
  const { comparison } = app.store.get().describe;
  if (comparison === undefined) return;
  const signal = begin(app, kind);
  const change = (run: Partial<Run>) => setRun(app, comparison.id, kind, run);
  change({ status: "running", trace: undefined, problem: undefined, unread: undefined, progress: undefined });
  try {
    const turn = { role: "user" as const, text: comparison.prompt, image: comparison.picture?.url };
    const onTrace = (event: TraceEvent) => {
      if (!signal.aborted) change({ trace: traceAfter(runOf(app, kind)?.trace, event), progress: undefined });
    };
    const fields = { model: comparison.sides[kind].model, ...runFields(comparison.settings, kind) };
    const onUnread = (unread: readonly Span[]) => change({ unread });
    const onProgress = (progress: PassProgress) => {
      if (!signal.aborted && progress.seconds >= LONG_PASS_SECONDS) change({ progress });
    };
    await app.api.chat([turn], fields, { onTrace, onUnread, onProgress }, signal);
    change({ status: "done" });
  } catch (thrown) {
    const problem = noteProblem(app, thrown);
    change(problem === undefined ? { status: "stopped" } : { status: "failed", problem });
  }
}

function traceAfter(trace: Trace | undefined, event: TraceEvent): Trace {
  try {
    return addEvent(trace, event);
  } catch (thrown) {
    throw new Problem(
      "bad-answer",
      `The steps do not fit together: ${thrown instanceof Error ? thrown.message : thrown}.`,
    );
  }
}

export function stopRuns(app: App): void {
  for (const kind of runKinds) giveUp(app, kind);
  announce(app, "Stopped.");
}

function runOf(app: App, kind: RunKind): Run | undefined {
  return app.store.get().describe.comparison?.runs[kind];
}

function setRun(app: App, id: symbol, kind: RunKind, change: Partial<Run>): void {
  const { comparison } = app.store.get().describe;
  if (comparison?.id !== id) return;
  const runs = { ...comparison.runs, [kind]: { ...comparison.runs[kind], ...change } };
  patch(app, "describe", { comparison: { ...comparison, runs } });
}

async function picked(app: App) {
  try {
    const picture = await currentPicture(app);
    return picture ?? new Problem("refused", "Choose a picture or compose a scene first.");
  } catch (thrown) {
    return problemOf(thrown);
  }
}

function runFields(settings: Comparison["settings"], kind: RunKind): RequestFields {
  const { revise_topk, revise_start, ...common } = settings;
  return kind === "plain" ? { ...common, revise: false } : { ...settings, revise: true };
}

function sentSettings(settings: Settings): Comparison["settings"] {
  const { revise: _, ...plain } = fieldsOf(settings, true);
  return Object.fromEntries(
    Object.entries(plain).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

// ---- files -----------------------------------------------------------------------------------------------------

/** The comparison as text; undefined while there is nothing to keep. */
export function comparisonText(comparison: Comparison): string {
  return writeComparison(savedOf(comparison));
}

export async function openTrace(app: App, file: File): Promise<void> {
  try {
    const text = await file.text();
    const [first, ...others] = isTraceLines(text) ? readTraceLines(text) : [readComparison(text)];
    if (first === undefined) return;
    const name = others.length === 0 ? file.name : `${file.name}: the first of ${others.length + 1} pictures`;
    showComparison(app, comparisonOf(first, { file: name, pictureKey: undefined }), `Trace ${name} opened.`);
  } catch (thrown) {
    patch(app, "describe", { problem: problemOf(thrown) });
  }
}

/** Instead of the one that is there, whose runs end. */
export function showComparison(app: App, comparison: Comparison, said: string): void {
  for (const kind of runKinds) giveUp(app, kind);
  const { player } = app.store.get().describe;
  patch(app, "describe", { comparison, problem: undefined, player: { ...player, at: 0, playing: false, live: true } });
  announce(app, said);
}
