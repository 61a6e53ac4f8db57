/** What the expert is told: a system prompt, which is a file that users can change, and a text for each draft.
 *
 *  The prompt shipped (prompts/expert.txt) has the intent of the original's and words of its own; that one asks in one
 *  place for replacements of another meaning in so many words, and its example replaces a phrase that its prediction
 *  does not hold. */
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.js";
import { readUtf8 } from "../../files/utf8-text.js";
import { stripPython } from "../../text/python-strip.js";
import type { ExpertRequest } from "./expert-client.js";

/** The file of the prompt that is used when no other is named. */
export const defaultPromptFile = fileURLToPath(new URL("../../../prompts/expert.txt", import.meta.url));

/** @throws UserError when the file cannot be read or is empty */
export async function readExpertPrompt(file: string = defaultPromptFile): Promise<string> {
  const text = await readUtf8(file);
  if (text.trim() === "") throw new UserError(`${file}: the prompt is empty`);
  return text.trimEnd();
}

export interface ExpertQuestion {
  /** As in the data, with `<image>`. */
  question: string;
  /** Reference answer; the line is left out where there is none. */
  answer?: string | undefined;
  prediction: string;
}

/** The text that goes with the picture. */
export function expertText({ question, answer, prediction }: ExpertQuestion): string {
  const lines = [`Question: ${stripPython(question.replaceAll("<image>", ""))}`];
  if (answer !== undefined) lines.push(`Answer: ${answer}`);
  lines.push(`Prediction: ${prediction}`);
  return lines.join("\n");
}

/** A draft with its picture, as it is sent. */
export const draftRequest = (prompt: string, picture: string, text: string): ExpertRequest => ({
  messages: [
    { role: "system", content: prompt },
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: picture } },
        { type: "text", text },
      ],
    },
  ],
});
