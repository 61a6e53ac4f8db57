/** Time for the parts of a stranger's tokenizer, so that no text and no expression takes a thread for ever. */
import { UserError } from "../../errors.js";
import type { SlowParts } from "./tokenizer-components.js";
import { withinTime } from "./within-time.js";

/** Runs parts of a tokenizer over a text or over ids, here and now.
 *  @throws UserError when one of those that may take long does */
export type TextTimer = <T>(parts: readonly (keyof SlowParts)[], over: ArrayLike<unknown>, work: () => T) => T;

/** Milliseconds for a text, and for each letter of it: tens of times what they take. */
const TEXT_MS = 500;
const LETTER_MS = 0.02;

/** Whoever sent the text is told, who need not know where the model lies. */
export function textTimer(slow: SlowParts): TextTimer {
  return (parts, over, work) => {
    const named = parts.filter((part) => slow[part]);
    if (named.length === 0) return work();
    const ms = Math.ceil(TEXT_MS + over.length * LETTER_MS);
    const what =
      typeof over === "string"
        ? `${over.length} letters (${JSON.stringify(over.slice(0, 60))})`
        : `${over.length} tokens`;
    const refusal = (problem: string, cause?: unknown) =>
      new UserError(
        `the model's tokenizer.json: its ${named.join(" and ")} ${problem} with a text of ${what}`,
        "Send another text, or use a model folder with LLaDA's own tokenizer files",
        { cause },
      );
    try {
      return withinTime(ms, work, () => refusal(`took more than ${ms} ms`));
    } catch (error) {
      // The engine's recursion and its lists of arguments have bounds of their own.
      if (error instanceof RangeError) throw refusal("failed", error);
      throw error;
    }
  };
}
