/** Answers that were made elsewhere: by an earlier run, by hand, or by lmms-eval. */
import { z } from "zod";
import { UserError } from "../../errors.js";
import { readUtf8 } from "../../files/utf8-text.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import type { Answer } from "./answers-file.js";

const texts = z.union([z.string(), z.array(z.union([z.string(), z.array(z.string())]))]);
const lineSchema = z.union([
  z.looseObject({ doc: z.int().min(0), answer: z.string() }),
  z.looseObject({ doc: z.int().min(0), reply: z.string() }),
  z.looseObject({ doc_id: z.int().min(0), resps: texts }),
  z.looseObject({ doc_id: z.int().min(0), filtered_resps: texts }),
]);

/** What lmms-eval writes where its server gave none. */
const LOST = /^\[LMMS_EVAL_REQUEST_FAILED/;

/** @returns by document. @throws UserError naming the line */
export async function readGivenAnswers(path: string): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  for (const [i, text] of (await readUtf8(path)).split("\n").entries()) {
    if (text.trim() === "") continue;
    const { data } = lineSchema.safeParse(parsed(text));
    if (data === undefined)
      throw new UserError(
        `${path}:${i + 1}: is no answer`,
        'A line is {"doc": 0, "answer": "..."}, or one of the samples of lmms-eval.',
      );
    const doc = Number("doc" in data ? data.doc : data.doc_id);
    if (answers.has(doc)) throw new UserError(`${path}:${i + 1}: a second answer of document ${doc}`, "Keep one.");
    const reply = replyOf(data);
    if (!LOST.test(reply)) answers.set(doc, { doc, prompt: "", reply, tokens: 0, steps: 0, seconds: 0, cut: false });
  }
  if (answers.size === 0) throw new UserError(`${path}: holds no answers`);
  return answers;
}

function replyOf(line: z.infer<typeof lineSchema>): string {
  if ("answer" in line && typeof line.answer === "string") return line.answer;
  if ("reply" in line && typeof line.reply === "string") return line.reply;
  const { resps, filtered_resps } = line as { resps?: unknown; filtered_resps?: unknown };
  return String([resps ?? filtered_resps].flat(2)[0] ?? "");
}

function parsed(text: string): unknown {
  try {
    return parseShallowJson(text);
  } catch {
    return undefined;
  }
}
