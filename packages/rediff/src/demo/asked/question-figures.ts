/** How short questions about held-out scenes are answered: the share of right answers, by kind of question. */
import { join } from "node:path";
import { describeMany } from "../../inference/describe-many.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { ask, type Task } from "../../scenes/language/scene-questions.js";
import { lowered, splitWords } from "../../scenes/language/words.js";
import { layoutOf, type Scene } from "../../scenes/records/scene-records.js";
import { type Interval, interval, resamples } from "../../scenes/scoring/score.js";
import { rng } from "../../scenes/world/purpose-random.js";

/** What people ask, other than for a caption. */
export const questionTasks = [
  "what",
  "where",
  "number",
  "color",
  "there",
  "relation",
] as const satisfies readonly Task[];
export type QuestionTask = (typeof questionTasks)[number];

export interface Question {
  /** Of the scenes, from 0. */
  scene: number;
  task: QuestionTask;
  question: string;
  answer: string;
}

/** One question of each kind about each scene. Yes and no are asked for equally often. */
export function questionsAbout(scenes: readonly Scene[], seed: number): Question[] {
  return scenes.flatMap((scene, index) =>
    questionTasks.map((task) => {
      const random = rng(seed, "question", scene.record.id, task);
      return { scene: index, task, ...ask(task, scene.facts, scene.world, layoutOf(scene.record), random) };
    }),
  );
}

/** The same words, whatever their case and the spaces between them. */
export function isRight(said: string, { answer }: Pick<Question, "answer">): boolean {
  return lowered(splitWords(said)).join(" ") === lowered(splitWords(answer)).join(" ");
}

export type QuestionScores = Record<QuestionTask, { asked: number; right: number; interval: Interval | null }>;

/** @param said the answers, in the questions' order */
export function scoreQuestions(questions: readonly Question[], said: readonly string[]): QuestionScores {
  const of = (task: QuestionTask) => {
    const marks = questions.flatMap((question, i) =>
      question.task === task ? [Number(isRight(said[i] ?? "", question))] : [],
    );
    const share = (some: readonly number[]) => some.reduce((sum, mark) => sum + mark, 0) / Math.max(1, some.length);
    const resampled = resamples(marks.length).map((indices) => share(indices.map((i) => marks[i] ?? 0)));
    return { asked: marks.length, right: share(marks), interval: marks.length === 0 ? null : interval(resampled) };
  };
  return Object.fromEntries(questionTasks.map((task) => [task, of(task)])) as QuestionScores;
}

export interface QuestionOptions {
  /** Folder of the pictures. */
  folder: string;
  tokensPerStep: number;
  revise: boolean;
  onProgress?: (done: number) => void;
}

export async function answerQuestions(
  model: VisionLanguageModel,
  scenes: readonly Scene[],
  questions: readonly Question[],
  { folder, tokensPerStep, revise, onProgress }: QuestionOptions,
): Promise<string[]> {
  const said: string[] = [];
  const items = questions.map(({ scene, question }) => ({
    sources: [join(folder, (scenes[scene] as Scene).record.image)],
    prompt: question,
  }));
  for await (const result of describeMany(model, items, { tokensPerStep, revise, batch: 32 })) {
    if (!result.ok) throw result.error;
    said.push(result.description.text);
    onProgress?.(said.length);
  }
  return said;
}
