/** More data about pictures that are there: further captions and short questions, and captions with planted errors. */

import { AtomicFile } from "../../files/atomic-file.js";
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import { applyPairs } from "../expert/word-edits.js";
import { MOST_WORDS, writeCaption } from "../language/caption-plan.js";
import { type BlankKind, findBlanks } from "../language/fact-blanks.js";
import { foreignMixed, foreignQuestion } from "../language/foreign-text.js";
import { type ErrorKind, type PlantedError, plantError } from "../language/planted-error.js";
import { ask, type Exchange, type Task } from "../language/scene-questions.js";
import { splitWords } from "../language/words.js";
import { type Rng, rng } from "../world/purpose-random.js";
import type { World } from "../world/world.js";
import { layoutOf, readScenes, type Scene } from "./scene-records.js";

export interface DeriveOptions {
  /** scenes.jsonl */
  truth: string;
  /** The file to be written. */
  output: string;
  seed: number;
  onProgress?: (done: number) => void;
}

/** `count` conversations for every picture, each about a task drawn from `tasks`. Returns how many were written.
 *  @param wording other than the world's own
 *  @param blanks makes forms of them: words of one of these kinds, drawn for each, are to be filled in; an answer that
 *    has none of that kind is learnt as a whole
 *  @param onlyBlanks leaves out answers that have none instead
 *  @param groups only pictures with so many kinds of objects
 *  @param foreign words that the world does not have: in an answer, which is a caption then, given and not learnt; before
 *    any other question. Where there is no room for them, none */
export async function writeConversations(
  options: DeriveOptions & {
    count: number;
    tasks: readonly Task[];
    wording?: World["wording"];
    blanks?: readonly BlankKind[];
    onlyBlanks?: boolean;
    groups?: readonly number[];
    foreign?: boolean;
  },
): Promise<number> {
  const { count, tasks, seed, wording, groups } = options;
  return await writeLines(options, ({ record, facts, world }) => {
    if (groups !== undefined && !groups.includes(facts.objects.length)) return [];
    return Array.from({ length: count }, (_, i) => i).flatMap((i) => {
      const random = rng(seed, "conversation", record.id, i);
      const said = { ...world, wording: wording ?? world.wording };
      const task = random.pick(tasks);
      const asked = ask(task, facts, said, layoutOf(record), random);
      const { question, answer, own } = options.foreign ? withForeign(task, asked, random) : { ...asked, own: [] };
      const blanks = options.blanks === undefined ? own : findBlanks(answer, random.pick(options.blanks));
      if (options.onlyBlanks && blanks.length === 0) return [];
      return {
        id: `${record.id}-${i}`,
        image: record.image,
        conversations: turns(question, answer),
        ...(blanks.length > 0 && { blanks }),
      };
    });
  });
}

/** Of the tokens of an answer. */
const ROOM = MOST_WORDS;

function withForeign(task: Task, { question, answer }: Exchange, random: Rng) {
  if (task !== "caption") return { question: foreignQuestion(question, random), answer, own: [] };
  const mixed = foreignMixed(answer, random, ROOM);
  return { question, answer: mixed?.text ?? answer, own: mixed?.own ?? [] };
}

/** One caption for every picture, with one error of a kind drawn from `kinds`, or two of two kinds; "none" leaves it right. `foreign` puts words
 *  beside them that the world does not have, which only training can use: no caption with them counts as right. Where the facts do not allow a kind (a size, where there is none) another one is taken; a picture that allows none is left out.
 *
 *  A line is a training sample (the answer is wrong, `revise` says where) and carries `right`, `kind` and the truth, so
 *  that `scenes score` can measure repairs against it. */
export async function writeCorrupted(
  options: DeriveOptions & { kinds: readonly (ErrorKind | "none")[]; errors?: 1 | 2; foreign?: boolean },
): Promise<number> {
  const prompt = splitWords(DEFAULT_QUESTION);
  const { kinds, errors = 1 } = options;
  const pairs = kinds.flatMap((one, i) => kinds.slice(0, i).map((other) => [one, other]));
  const choices = errors === 1 ? kinds.map((kind) => [kind]) : pairs.filter((pair) => !pair.includes("none"));
  return await writeLines(options, ({ record, facts, world }) => {
    const random = rng(options.seed, "corrupt", record.id);
    for (const kinds of random.shuffle(choices)) {
      const kind = kinds.join("+");
      const planted = kinds.filter((some) => some !== "none");
      const error = planted.length === 0 ? rightCaption() : plantError(facts, planted, world, random, prompt);
      if (error === undefined) continue;
      const { right, draft, revise } = options.foreign ? amongForeign(error, record.id) : error;
      return [
        { ...record, id: `${record.id}-${kind}`, conversations: turns(DEFAULT_QUESTION, draft), revise, kind, right },
      ];
    }
    return [];

    /** The same words in the same places of both texts. */
    function amongForeign(error: Pick<PlantedError, "right" | "draft" | "revise">, id: string) {
      const mix = (text: string) => foreignMixed(text, rng(options.seed, "foreign", id), ROOM)?.text;
      const [right, draft] = [mix(error.right), mix(error.draft)];
      const fits = right !== undefined && draft !== undefined && applyPairs(draft, error.revise) === right;
      return fits ? { ...error, right, draft } : error;
    }

    function rightCaption() {
      const right = writeCaption(facts, world.wording, random);
      return { right, draft: right, revise: [] };
    }
  });
}

function turns(question: string, answer: string) {
  return [
    { from: "human", value: `<image>\n${question}` },
    { from: "gpt", value: answer },
  ];
}

async function writeLines(options: DeriveOptions, derive: (scene: Scene) => object[]): Promise<number> {
  const output = await AtomicFile.create(options.output);
  let written = 0;
  let scenes = 0;
  try {
    for await (const scene of readScenes(options.truth)) {
      const lines = derive(scene);
      await output.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      written += lines.length;
      options.onProgress?.(++scenes);
    }
    await output.commit();
  } finally {
    await output.abort();
  }
  return written;
}
