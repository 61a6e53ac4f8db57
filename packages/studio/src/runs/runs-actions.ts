/** Opening earlier runs where they were made, and going back to what was there before. */
import { type App, announce, giveUp, patch, showTab } from "../app/app.js";
import { comparisonOf } from "../describe/saved-comparison.js";
import { readRun } from "../keep/kept-runs.js";
import type { KeptRun } from "../keep/saved-parts.js";
import { filledOf, reviewOf } from "../keep/saved-results.js";
import { pictureOf, rekeyed, sessionOf, withSession } from "../keep/session.js";
import { problemOf } from "../server/problem.js";

export function choose(app: App, id: string, isChosen: boolean): void {
  const { chosen } = app.store.get().runs;
  // Of three the first goes.
  const next = isChosen ? [...chosen.filter((one) => one !== id), id].slice(-2) : chosen.filter((one) => one !== id);
  patch(app, "runs", { chosen: next });
}

/** The picture, what was asked and what came of it, as they were. */
export async function openRun(app: App, id: string): Promise<void> {
  try {
    const run = await readRun(app, id);
    replacePage(app, `The run of ${timeText(run.created)} was opened.`, (state) => withRun(state, run));
    showTab(app, run.kind);
    announce(app, "Earlier run opened.");
  } catch (thrown) {
    const by = problemOf(thrown)?.message ?? "";
    app.store.update((state) => ({ ...state, replaced: { by, session: undefined } }));
  }
}

type State = ReturnType<App["store"]["get"]>;

function withRun(state: State, run: KeptRun): State {
  const { pictureThen } = run;
  const picture = { ...state.picture, problem: undefined, ...(pictureThen && pictureOf(pictureThen)) };
  const key = pictureThen === undefined ? (old: string | undefined) => old : rekeyed(pictureThen, picture);
  switch (run.kind) {
    case "describe": {
      const { describe } = state;
      // Without its picture on the page it is shown as a file's is, with its own.
      const from = { file: pictureThen === undefined ? "An earlier run" : undefined };
      const comparison = comparisonOf(run.comparison, { ...from, pictureKey: key(keyOf(run)) });
      const settings = run.asked ?? describe.settings;
      const player = { ...describe.player, at: 0, playing: false, live: true };
      return { ...state, picture, describe: { ...describe, comparison, settings, player, problem: undefined } };
    }
    case "proofread": {
      const review = reviewOf({ ...run.review, pictureKey: key(run.review.pictureKey) ?? "" });
      return {
        ...state,
        picture,
        proofread: { draft: review.draft, busy: false, live: undefined, review, problem: undefined },
      };
    }
    case "fill": {
      const result = filledOf({ ...run.result, pictureKey: key(run.result.pictureKey) ?? "" });
      const fill = {
        ...state.fill,
        template: result.template,
        busy: false,
        live: undefined,
        result,
        problem: undefined,
      };
      return { ...state, picture, fill };
    }
  }
}

/** Of a description only what the page had is known: a run is kept with its picture where that was still the same. */
function keyOf({ pictureThen }: KeptRun): string | undefined {
  if (pictureThen === undefined) return undefined;
  return pictureThen.source === "file" ? (pictureThen.file?.url ?? "") : JSON.stringify(pictureThen.scene ?? "");
}

/** What the page has gives way to something else, and can be had back.
 *  @param by what came in its place, as a sentence */
export function replacePage(app: App, by: string, change: (state: State) => State): void {
  for (const name of ["plain", "revising", "proofread", "fill", "chat", "picture"]) giveUp(app, name);
  app.store.update((state) => {
    const session = sessionOf(state, "before", new Date().toISOString());
    return { ...change(state), replaced: { by, session } };
  });
}

export function takeBack(app: App): void {
  const { replaced } = app.store.get();
  const session = replaced?.session;
  if (session === undefined) return;
  for (const name of ["plain", "revising", "proofread", "fill", "chat"]) giveUp(app, name);
  app.store.update((state) => ({ ...withSession(state, session), replaced: undefined }));
  announce(app, "What was there before is back.");
}

export function timeText(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? iso
    : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
