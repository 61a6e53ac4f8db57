/** What tests of the loop share: a tiny model, data, recipes, and an expert whose answers depend on the draft alone. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { writeLines } from "../../../data/testing/record-files.js";
import { pictureFolder, tokenizerFolder } from "../../../testing/fixtures.js";
import { writeTinyModel } from "../../../testing/tiny-model.js";
import { loadTokenizer, type Tokenizer } from "../../../text/tokenizer.js";
import { checkPairs } from "../../correction/phrase-pairs.js";
import { type Behaviour, type FakeExpert, startFakeExpert } from "../../correction/testing/fake-expert.js";

const PICTURES = ["color.jpg", "grey.jpg", "rgba.png", "palette.png", "alpha.webp", "cmyk.jpg"];

/** Records "r0", "r1", ... with questions that differ, so that drafts do. */
export const records = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `r${i}`,
    image: PICTURES[i % PICTURES.length],
    conversations: [
      { from: "human", value: `<image>\nWhat is there in part ${i}?` },
      { from: "gpt", value: `A dog and ${i} cats.` },
    ],
  }));

/** Writes model/, data.jsonl, train.yaml and improve.yaml. */
export function writeLoop(path: (name: string) => string, expertUrl: string, more: readonly string[] = []): void {
  writeTinyModel(path("model"));
  writeLines(path("data.jsonl"), records(16));
  writeFileSync(
    path("train.yaml"),
    `image_folder: ${pictureFolder}
objective: rediff
dtype: float32
device: cpu
image_grid_pinpoints: [[28, 28], [28, 56], [56, 28], [56, 56]]
batch_size: 1
drop_last: false
max_length: 512
learning_rate: 1.0e-3
workers: 0
epochs: 2
save: {every: 1}
logging: {tensorboard: false}
`,
  );
  writeFileSync(
    path("improve.yaml"),
    `model: ${path("model")}
output: ${path("out")}
rounds: 2
data: ${path("data.jsonl")}
image_folder: ${pictureFolder}
slice: {count: 6}
draft: {steps: [12, 6], gen_length: 12, device: cpu}
expert: {base_url: "${expertUrl}", first_wait: 0.01, concurrency: 2, timeout: 5}
train: {recipe: ${path("train.yaml")}}
evaluate: {data: ${path("data.jsonl")}, image_folder: ${pictureFolder}, first: 12, count: 3, steps: 4}
${more.join("\n")}
`,
  );
}

/** What the expert of `startExpert` is told to do instead of what it would. */
export interface ExpertMood {
  delayMs?: number;
  reply?: (prediction: string) => string;
}

/** An expert that replaces the first word that it can, calls every fourth draft right, and is no easy partner: some
 *  drafts it answers slowly, some only after an error, a lost connection or a wait, some never in a usable way. */
export async function startExpert(expert: ExpertMood = {}): Promise<FakeExpert> {
  const tokenizer = await loadTokenizer(tokenizerFolder);
  return startFakeExpert(({ prediction, nth }): Behaviour => {
    const mood = createHash("sha256").update(prediction).digest()[0] as number;
    const { delayMs, reply } = expert;
    const slow = { ...(delayMs !== undefined && { delayMs }) };
    if (reply !== undefined) return { ...slow, reply: reply(prediction) };
    if (nth === 1) {
      if (mood % 8 === 1) return { ...slow, status: 500 };
      if (mood % 8 === 2) return { ...slow, cutAfter: 20 };
      if (mood % 8 === 3) return { ...slow, status: 429, headers: { "retry-after": "0" } };
    }
    if (mood % 16 === 4) return { ...slow, reply: "What a fine picture!" };
    if (mood % 4 === 0) return { ...slow, reply: "right" };
    const pair = correction(tokenizer, prediction);
    const useless = { org: "not in the draft", target: "not in the craft" };
    return { ...slow, reply: pair === undefined ? "right" : `\`\`\`json\n${JSON.stringify([useless, pair])}\n\`\`\`` };
  });
}

const WORDS = ["a", "the", "of", "is", "on", "it", "1", "x", "dog", "cat"];

/** A replacement that training can use. */
function correction(tokenizer: Tokenizer, prediction: string): { org: string; target: string } | undefined {
  for (const org of new Set(prediction.split(/\s+/)))
    for (const target of WORDS)
      if (checkPairs(tokenizer, prediction, [{ org, target }]).kept.length > 0) return { org, target };
  return undefined;
}
