/** Corrections to a round's training data, in the order of the data: answers come in any order, drafts of several processes
 *  too, and two runs of a loop should train the same. */

import { loadTokenizer } from "../../text/tokenizer.js";
import { parseReply } from "../correction/expert-reply.js";
import { Selection, type SelectionReport } from "../correction/select-records.js";
import type { SelectionRules } from "../correction/selection-rules.js";
import type { DraftRecord } from "../drafts/draft-record.js";
import { writeRecords } from "../formats/record-writer.js";
import { type Answer, answersIn, draftsIn } from "./correct-round.js";
import type { RoundFiles } from "./loop-folders.js";

export interface RoundSelection extends SelectionReport {
  /** Drafts that are learnt as they are. */
  learntRight?: number;
}

/** @param model folder of the model whose tokens are counted
 *  @param right whether drafts that the expert found right are written down too, to be learnt */
export async function selectRound(
  files: RoundFiles,
  { model, rules, right }: { model: string; rules: SelectionRules; right: boolean },
): Promise<RoundSelection> {
  const selection = new Selection(await loadTokenizer(model), rules);
  const answers = new Map<string, { answer: Answer; index: number }>();
  let index = 0;
  for await (const answer of answersIn(files.corrections)) answers.set(contentOf(answer), { answer, index: index++ });
  const drafts: DraftRecord[] = [];
  for await (const draft of draftsIn(files.drafts)) drafts.push(draft);
  drafts.sort((a, b) => (a.drafted?.record ?? 0) - (b.drafted?.record ?? 0));
  const rightDrafts: DraftRecord[] = [];
  await writeRecords(files.training, async (writer) => {
    for (const draft of drafts) {
      const found = answers.get(contentOf(draft));
      if (found === undefined) continue;
      answers.delete(contentOf(draft)); // one draft of several that are the same
      const { revise, expert } = found.answer;
      const value = { ...draft, revise, expert };
      const where = async () => `${files.corrections}:${found.index + 1}`;
      const record = await selection.take({ value, file: files.corrections, index: found.index, where });
      if (record !== undefined) await writer.write({ ...record });
      else if (isRight(revise)) rightDrafts.push(draft);
    }
  });
  if (!right) return selection.report;
  await writeRecords(files.right, async (writer) => {
    for (const { id, img, ques, pred, drafted } of rightDrafts)
      await writer.write({
        id: id ?? null,
        image: img,
        conversations: [
          { from: "human", value: ques },
          { from: "gpt", value: pred },
        ],
        provenance: { drafted },
      });
  });
  return { ...selection.report, learntRight: rightDrafts.length };
}

const isRight = (reply: unknown): boolean => parseReply(reply).kind === "right";

const contentOf = ({ img, ques, pred }: Pick<Answer, "img" | "ques" | "pred">): string =>
  JSON.stringify([img, ques, pred]);
