/** Normal and reasoning data to one file, as create_mix_data.py: LLaDA-V's last stage.
 *
 *  Every human turn of normal data ends with " /no_think"; one of reasoning data ends with " /think" with probability 0.5.
 *  n normal records alternate with m of reasoning, where n:m is the simple ratio closest to that of their numbers, until
 *  both are used up: nothing is dropped. Departures: the draws are seeded, and files need not fit into memory. */
import { seemsQuestionAnswer } from "../../data/parsing/question-answer.js";
import { turnsKey } from "../../data/parsing/record-turns.js";
import { UserError } from "../../errors.js";
import { isRecord, type JsonRecord } from "../formats/exact-json.js";
import type { RecordSource, SourceRecord } from "../formats/record-stream.js";
import { writeRecords } from "../formats/record-writer.js";
import { uniform } from "./uniform-random.js";

export interface Ratio {
  normal: number;
  inference: number;
}

const LARGEST = 5;

/** 1:1, 2:1, ... 5:1, 1:2, ... 1:5: the closest to normal / inference; of two as close the one with the smaller sum. */
export function closestRatio(normal: number, inference: number): Ratio {
  if (inference === 0) return { normal: 1, inference: 0 };
  if (normal === 0) return { normal: 0, inference: 1 };
  const wanted = normal / inference;
  const candidates = [
    ...Array.from({ length: LARGEST }, (_, i): Ratio => ({ normal: i + 1, inference: 1 })),
    ...Array.from({ length: LARGEST - 1 }, (_, i): Ratio => ({ normal: 1, inference: i + 2 })),
  ];
  const distance = (ratio: Ratio) => Math.abs(wanted - ratio.normal / ratio.inference);
  return candidates.reduce((best, ratio) => {
    const closer = distance(best) - distance(ratio);
    if (closer > 1e-9) return ratio;
    const isSimpler = ratio.normal + ratio.inference < best.normal + best.inference;
    return Math.abs(closer) < 1e-9 && isSimpler ? ratio : best;
  });
}

export interface Mixed {
  output: string;
  records: number;
  normal: number;
  inference: number;
  ratio: Ratio;
  /** Human turns of reasoning data that got " /think", and all of them. */
  thinking: { turns: number; of: number };
}

export interface MixOptions {
  seed: number;
  onProgress?: (done: number, total: number) => void;
}

export async function mixRecords(
  normal: RecordSource,
  inference: RecordSource,
  output: string,
  { seed, onProgress }: MixOptions,
): Promise<Mixed> {
  const total = normal.count + inference.count;
  if (total === 0) throw new UserError(`${normal.file} and ${inference.file} hold no records`);
  const ratio = closestRatio(normal.count, inference.count);
  const draw = uniform(seed);
  const thinking = { turns: 0, of: 0 };
  const think = () => {
    const isThinking = draw() < 0.5;
    thinking.of++;
    if (isThinking) thinking.turns++;
    return isThinking ? " /think" : "";
  };
  await writeRecords(output, async (writer) => {
    const [normals, inferences] = [normal.records(), inference.records()];
    let done = 0;
    const take = async (from: AsyncGenerator<SourceRecord>, count: number, mark: () => string) => {
      for (let i = 0; i < count; i++) {
        const next = await from.next();
        if (next.done) return;
        await writer.write(await marked(next.value, mark));
        done++;
        onProgress?.(done, total);
      }
    };
    try {
      while (done < total) {
        await take(normals, ratio.normal, () => " /no_think");
        await take(inferences, ratio.inference, think);
      }
    } finally {
      await Promise.all([normals.return(undefined), inferences.return(undefined)]); // They hold their files open.
    }
  });
  return { output, records: total, normal: normal.count, inference: inference.count, ratio, thinking };
}

/** The record with a mark at the end of each human turn, `{from: "human", value}` or `{role: "user", content}`; the
 *  original leaves turns of the second form as they are. */
async function marked({ value: record, where }: SourceRecord, mark: () => string): Promise<JsonRecord> {
  const list = turnsKey(record);
  const conversations = list && record[list];
  if (list === undefined && seemsQuestionAnswer(record))
    throw new UserError(
      `${await where()}: has question and answer as two keys, and what is marked are turns`,
      "Write conversations: [{from: human, value}, {from: gpt, value}].",
    );
  if (list === undefined || !Array.isArray(conversations)) return record;
  const turns: unknown[] = [];
  for (const turn of conversations) {
    if (!isRecord(turn)) throw new UserError(`${await where()}: a turn is ${JSON.stringify(turn)}, expected an object`);
    const key =
      turn.from === "human" ? "value" : turn.from === undefined && turn.role === "user" ? "content" : undefined;
    const text = key === undefined ? undefined : turn[key];
    if (key === undefined || text === undefined) turns.push(turn);
    else if (typeof text === "string") turns.push({ ...turn, [key]: `${text}${mark()}` });
    else throw new UserError(`${await where()}: a human turn's ${key} is ${JSON.stringify(text)}, expected a text`);
  }
  return { ...record, [list]: turns };
}
