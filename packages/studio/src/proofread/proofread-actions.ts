import { type App, announce, begin, giveUp, isReplaced, noteProblem, patch } from "../app/app.js";
import { answering } from "../models/answering.js";
import { currentPicture, pictureKey, truthOf } from "../picture/picture-actions.js";
import { Problem } from "../server/problem.js";
import { liveHandlers } from "../text/live.js";
import { checkSpans, type Span } from "../text/spans.js";
import { checkEdits, type Edit } from "./edits.js";

export async function proofread(app: App): Promise<void> {
  const { draft } = app.store.get().proofread;
  patch(app, "proofread", { problem: undefined });
  if (draft.trim() === "") {
    return patch(app, "proofread", { problem: new Problem("refused", "Paste or type a description first.") });
  }
  const signal = begin(app, "proofread");
  patch(app, "proofread", { busy: true, live: undefined, review: undefined });
  try {
    const picture = await currentPicture(app);
    if (picture === undefined) throw new Problem("refused", "Choose the picture that the description is about first.");
    const key = pictureKey(app.store.get().picture);
    const facts = truthOf(app);
    const model = answering(app.store.get())?.id;
    const { edits, unread, rounds, seconds } = await app.api.refine(
      { model, image: picture.url, draft },
      liveHandlers(signal, (live) => patch(app, "proofread", { live })),
      signal,
    );
    const review = {
      created: new Date().toISOString(),
      model,
      picture,
      draft,
      ...checked(draft, edits, unread),
      rejected: new Set<number>(),
      pictureKey: key,
      facts,
      rounds,
      seconds,
    };
    patch(app, "proofread", { review });
    announce(app, edits.length === 0 ? "No edits: the description fits." : `${edits.length} edits proposed.`);
  } catch (thrown) {
    patch(app, "proofread", { problem: noteProblem(app, thrown) });
  } finally {
    if (!isReplaced(app, "proofread", signal)) patch(app, "proofread", { busy: false, live: undefined });
  }
}

function checked(draft: string, edits: readonly Edit[], unread: readonly Span[]) {
  try {
    return { edits: checkEdits(draft, edits), unread: checkSpans(draft, unread) };
  } catch (thrown) {
    throw new Problem("bad-answer", `The server sent ${thrown instanceof Error ? thrown.message : thrown}.`);
  }
}

/** A draft from elsewhere; what was said about the old one goes. */
export function setDraft(app: App, draft: string): void {
  giveUp(app, "proofread");
  patch(app, "proofread", { draft, review: undefined, problem: undefined });
}

/** @param index of one edit; without, all of them */
export function decide(app: App, accept: boolean, index?: number): void {
  const { review } = app.store.get().proofread;
  if (review === undefined) return;
  const rejected = new Set(review.rejected);
  for (const i of index === undefined ? review.edits.keys() : [index]) {
    if (accept) rejected.delete(i);
    else rejected.add(i);
  }
  patch(app, "proofread", { review: { ...review, rejected } });
}

export function stopProofreading(app: App): void {
  giveUp(app, "proofread");
}
