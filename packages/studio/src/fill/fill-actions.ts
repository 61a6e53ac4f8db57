import { type App, announce, begin, giveUp, noteProblem, patch } from "../app/app.js";
import { currentPicture } from "../picture/picture-actions.js";
import { Problem } from "../server/problem.js";
import { filledParts, templateProblem } from "./fill-template.js";

export async function fillTemplate(app: App): Promise<void> {
  const { template, tokensPerStep } = app.store.get().fill;
  const wrong = templateProblem(template);
  patch(app, "fill", { problem: wrong === undefined ? undefined : new Problem("refused", wrong) });
  if (wrong !== undefined) return;
  const signal = begin(app, "fill");
  patch(app, "fill", { busy: true, result: undefined });
  try {
    const picture = await currentPicture(app);
    const fields = { image: picture?.url, template, tokens_per_step: tokensPerStep };
    const result = await app.api.fill(fields, signal);
    assertInside(result);
    patch(app, "fill", { result });
    announce(app, `Filled: ${result.text}`);
  } catch (thrown) {
    patch(app, "fill", { problem: noteProblem(app, thrown) });
  } finally {
    patch(app, "fill", { busy: false });
  }
}

function assertInside({
  text,
  blanks,
}: {
  text: string;
  blanks: readonly { start: number; end: number; text: string }[];
}) {
  try {
    filledParts(text, blanks);
  } catch (thrown) {
    throw new Problem("bad-answer", `The server sent ${thrown instanceof Error ? thrown.message : thrown}.`);
  }
}

export function stopFilling(app: App): void {
  giveUp(app, "fill");
}
