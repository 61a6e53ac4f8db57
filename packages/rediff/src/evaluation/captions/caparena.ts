/** CapArena-Auto: captions play against those of three models, picture by picture, and a judge says which is better.
 *
 *  The side on which a caption stands is drawn; the original draws anew in each run, here the picture's name and a seed
 *  decide, so a run that goes on asks the same. */
import { createHash } from "node:crypto";
import { stripPython } from "../../text/python-strip.js";
import {
  type AskSuite,
  dataPicture,
  isLost,
  type SuiteQuestion,
  type Trouble,
  type Troubles,
  troublesOf,
} from "./suite.js";

const TRIES = 5;

export const BASELINES = ["GPT-4o-0806", "CogVLM2-llama3-chat-19B", "MiniCPM-V2.6-8B"] as const;

/** In our words: what a good caption is, ties, how far to trust the reference, two lines of reply. */
const CRITERIA = [
  "You compare two captions of a picture that you see. Weigh them by these criteria:",
  "1. Precision: what is said fits the picture, without vagueness or exaggeration.",
  "2. Information: the important contents of the picture are there.",
  "3. Hallucination: things, properties or relations that are not in the picture weigh heavily against a caption.",
  "4. Attention to detail: colours, positions, counts, text and textures are noticed and right.",
  "5. Help: a blind person who hears the caption gets a good idea of the picture.",
  "6. Reverse imagination: whoever draws a picture from the caption comes close to this one.",
  "7. Ties: where neither caption is better on the whole, say so.",
  "A caption by a person is given as a reference. It is right in what it says, but it need not be complete: what it leaves out may be right all the same, so look at the picture.",
].join("\n");

const REPLY =
  "Which caption is better? Reply in two lines. `Reason: ` and your reason in one or two sentences; then `Judgment: ` and one of `Caption 1 is better`, `Caption 2 is better`, `Tie`.";

export interface ArenaPair {
  caption1: string;
  caption2: string;
  reference: string;
  /** Data URL. */
  picture: string;
}

export const arenaQuestion = ({ caption1, caption2, reference, picture }: ArenaPair, attempt = 0): SuiteQuestion => ({
  purpose: "caparena",
  messages: [
    { role: "system", content: CRITERIA },
    {
      role: "user",
      content: [
        dataPicture(picture, "high"),
        {
          type: "text",
          text: `Caption 1:\n${caption1}\nCaption 2:\n${caption2}\nCaption Reference:\n${reference}\n${REPLY}`,
        },
      ],
    },
  ],
  maxTokens: 1500,
  temperature: 0.1,
  topP: 0.9,
  attempt,
});

/** What stands behind "Judgment:" on its line. @returns undefined for a reply without reason or judgement */
export function readArena(reply: string): string | undefined {
  const rest = reply.includes("Reason:") ? reply.split("Judgment:")[1] : undefined;
  return rest === undefined ? undefined : stripPython(rest.split("\n")[0] ?? "");
}

export type Verdict = "first" | "second" | "tie";

/** Only these words, with or without a full stop. @returns undefined for others, which the original drops without a word */
export const verdictOf = (judgement: string): Verdict | undefined => verdicts.get(judgement.replace(/\.$/, ""));

const verdicts: ReadonlyMap<string, Verdict> = new Map([
  ["Caption 1 is better", "first"],
  ["Caption 2 is better", "second"],
  ["Tie", "tie"],
]);

/** Whether the caption stands first. */
export function standsFirst(image: string, seed: number): boolean {
  const [byte = 0] = createHash("sha256").update(`${seed} ${image}`).digest();
  return byte % 2 === 0;
}

export interface ArenaDocument {
  image: string;
  reference: string;
  baseline: string;
  baselineCaption: string;
  picture: () => Promise<string>;
}

export interface ArenaSample {
  image: string;
  baseline: string;
  standsFirst: boolean;
  /** As the judge wrote it. */
  judgement: string | null;
  calls: number;
  /** Words of the caption, cut at single blanks. */
  words: number;
  trouble: Trouble | null;
}

export async function judgeArena(
  document: ArenaDocument,
  caption: string | null,
  { ask, seed }: { ask: AskSuite; seed: number },
): Promise<ArenaSample> {
  const { image, baseline, baselineCaption, reference, picture } = document;
  const first = standsFirst(image, seed);
  const base = { image, baseline, standsFirst: first, words: caption?.split(" ").length ?? 0 };
  if (caption === null) return { ...base, judgement: null, calls: 0, trouble: "no_caption" };
  const [caption1, caption2] = first ? [caption, baselineCaption] : [baselineCaption, caption];
  return { ...base, ...(await judgePair({ caption1, caption2, reference, picture: await picture() }, ask)) };
}

export async function judgePair(
  pair: ArenaPair,
  ask: AskSuite,
): Promise<Pick<ArenaSample, "judgement" | "calls" | "trouble">> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const reply = await ask(arenaQuestion(pair, attempt));
    const calls = attempt + 1;
    if (reply === undefined) return { judgement: null, calls, trouble: "judge_failed" };
    const judgement = readArena(reply);
    if (judgement === undefined) continue;
    return { judgement, calls, trouble: verdictOf(judgement) === undefined ? "unreadable" : null };
  }
  return { judgement: null, calls: TRIES, trouble: "unreadable" };
}

export interface ArenaResult {
  /** Mean over the three baselines, -100 to 100 for 600 pictures. */
  score: number;
  baselines: Readonly<Record<string, number>>;
  /** The same with a loss for each judgement that is lost or unreadable. */
  score_lost_as_loss: number;
  mean_words: number | null;
  pictures: number;
  troubles: Troubles;
}

export function scoreArena(samples: readonly ArenaSample[]): ArenaResult {
  const points = (sample: ArenaSample, lost: number): number => {
    if (isLost(sample.trouble)) return lost;
    const verdict = verdictOf(sample.judgement ?? "");
    if (verdict === undefined || verdict === "tie") return 0;
    return (verdict === "first") === sample.standsFirst ? 1 : -1;
  };
  const table = (lost: number): Record<string, number> =>
    Object.fromEntries(
      BASELINES.map((baseline) => {
        const those = samples.filter((sample) => sample.baseline === baseline);
        return [baseline, those.reduce((sum, sample) => sum + points(sample, lost), 0) / 2];
      }),
    );
  const mean = (scores: Record<string, number>) => Object.values(scores).reduce((a, b) => a + b, 0) / BASELINES.length;
  const baselines = table(0);
  const captioned = samples.filter(({ trouble }) => trouble !== "no_caption");
  return {
    score: mean(baselines),
    baselines,
    score_lost_as_loss: mean(table(-1)),
    mean_words: captioned.length === 0 ? null : captioned.reduce((sum, { words }) => sum + words, 0) / captioned.length,
    pictures: samples.length,
    troubles: troublesOf(samples),
  };
}
