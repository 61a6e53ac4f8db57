import { type App, announce, begin, giveUp, isReplaced, noteProblem, patch } from "../app/app.js";
import { answering } from "../models/answering.js";
import { currentPicture, pictureKey, truthOf } from "../picture/picture-actions.js";
import type { Filled } from "../server/messages.js";
import { Problem } from "../server/problem.js";
import { liveHandlers } from "../text/live.js";
import { filledParts, templateProblem } from "./fill-template.js";

export async function fillTemplate(app: App): Promise<void> {
  const { template, tokensPerStep } = app.store.get().fill;
  const wrong = templateProblem(template);
  patch(app, "fill", { problem: wrong === undefined ? undefined : new Problem("refused", wrong) });
  if (wrong !== undefined) return;
  const signal = begin(app, "fill");
  patch(app, "fill", { busy: true, live: undefined, result: undefined });
  try {
    const picture = await currentPicture(app);
    const key = pictureKey(app.store.get().picture);
    const facts = truthOf(app);
    const model = answering(app.store.get())?.id;
    const fields = { model, image: picture?.url, template, tokens_per_step: tokensPerStep };
    const result = await app.api.fill(
      fields,
      liveHandlers(signal, (live) => patch(app, "fill", { live })),
      signal,
    );
    assertInside(result);
    patch(app, "fill", {
      result: { ...result, model, template, created: new Date().toISOString(), picture, pictureKey: key, facts },
    });
    announce(app, `Filled: ${result.text}`);
  } catch (thrown) {
    patch(app, "fill", { problem: noteProblem(app, thrown) });
  } finally {
    if (!isReplaced(app, "fill", signal)) patch(app, "fill", { busy: false, live: undefined });
  }
}

function assertInside({ text, blanks, unread }: Filled) {
  try {
    filledParts(text, blanks, unread);
  } catch (thrown) {
    throw new Problem("bad-answer", `The server sent ${thrown instanceof Error ? thrown.message : thrown}.`);
  }
}

/** Another template; what filled the old one goes. */
export function setTemplate(app: App, template: string): void {
  giveUp(app, "fill");
  patch(app, "fill", { template, result: undefined, problem: undefined });
}

export function stopFilling(app: App): void {
  giveUp(app, "fill");
}
