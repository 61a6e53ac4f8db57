/** Captions against one of the suites, with a judge: reads the files, asks, adds up. A run that is killed goes on where it was:
 *  the judge's replies are kept, and the rest follows from them. */
import { z } from "zod";
import { UserError } from "../../errors.js";
import { listener, number, optionSet, text } from "../../options/option-set.js";
import { pictureUrl, readPictureFile } from "../../pipeline/expert/expert-picture.js";
import { Judge } from "../judges/judge.js";
import { type JudgeOptions, judgeDefaults, judgeOptionTypes } from "../judges/judge-options.js";
import type { JudgeReport } from "../judges/judge-report.js";
import { type ArenaSample, BASELINES, judgeArena, scoreArena } from "./caparena.js";
import { readCaptions, readDocuments, stemOf } from "./caption-files.js";
import { judgeClair, scoreClair } from "./clair.js";
import { judgeCoverage, scoreCoverage } from "./coverage.js";
import { judgeFactuality, scoreFactuality } from "./factuality.js";
import type { AskSuite, Troubles } from "./suite.js";

export type CaptionSuite = "clair" | "coverage" | "factuality" | "caparena";
export const captionSuites = ["clair", "coverage", "factuality", "caparena"] as const satisfies readonly CaptionSuite[];

export interface EvaluateCaptionsOptions extends JudgeOptions {
  suite: CaptionSuite;
  /** JSON object of captions by picture, or lines of `image` and `text`. */
  captions: string;
  /** What they are judged by: JSON lines, or a folder with a JSON file for each picture. */
  references: string;
  /** Where the pictures are, for the suites whose judge sees them. Default: where the process runs. */
  imageFolder?: string | undefined;
  /** Only the first documents. */
  limit?: number | undefined;
  /** Draws the side of each caption in the arena. */
  seed?: number | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

const checkOptions = optionSet<EvaluateCaptionsOptions>(
  {
    ...judgeOptionTypes,
    suite: z.enum(captionSuites),
    captions: text,
    references: text,
    imageFolder: text,
    limit: number,
    seed: number,
    onProgress: listener,
  },
  ["suite", "captions", "references", "judgeModel", "judgeCache"],
);

export interface CaptionEvaluation {
  suite: CaptionSuite;
  /** Whose prompts they are: scores of other prompts, or of other judges, are other scores. */
  prompts: "rediff";
  scores: { troubles: Troubles; pictures: number };
  judge: JudgeReport;
  samples: readonly object[];
}

interface Context {
  ask: AskSuite;
  pictureOf: (image: string) => Promise<string>;
  seed: number;
}

/** How documents become samples, and samples a score. */
interface Suite {
  read(path: string): Promise<Assessment[]>;
  score(samples: readonly object[]): CaptionEvaluation["scores"];
}

interface Assessment {
  image: string;
  judge(caption: string | null, context: Context): Promise<object>;
}

function suiteOf<Document extends { image: string }, Sample extends object>(
  schema: z.ZodType<Document>,
  judge: (document: Document, caption: string | null, context: Context) => Promise<Sample>,
  score: (samples: readonly Sample[]) => CaptionEvaluation["scores"],
): Suite {
  return {
    read: async (path) =>
      (await readDocuments(path, schema)).map((document) => ({
        image: document.image,
        judge: (caption, context) => judge(document, caption, context),
      })),
    score: (samples) => score(samples as readonly Sample[]),
  };
}

const reference = z.looseObject({ image: z.string(), caption: z.string() });
const questions = z
  .looseObject({ image: z.string(), questions: z.array(z.string()), answers: z.array(z.string()) })
  .refine((it) => it.questions.length === it.answers.length, { error: "expected as many answers as questions" });
const duel = z.looseObject({
  image: z.string(),
  reference: z.string(),
  baseline: z.enum(BASELINES),
  baseline_caption: z.string(),
});

const suites: Readonly<Record<CaptionSuite, Suite>> = {
  clair: suiteOf(
    reference,
    ({ image, caption: gold }, caption, { ask }) => judgeClair({ image, reference: gold }, caption, ask),
    scoreClair,
  ),
  coverage: suiteOf(questions, (document, caption, { ask }) => judgeCoverage(document, caption, ask), scoreCoverage),
  factuality: suiteOf(
    reference,
    ({ image, caption: gold }, caption, { ask, pictureOf }) =>
      judgeFactuality({ image, reference: gold, picture: () => pictureOf(image) }, caption, ask),
    scoreFactuality,
  ),
  caparena: suiteOf<z.infer<typeof duel>, ArenaSample>(
    duel,
    ({ image, reference: gold, baseline, baseline_caption }, caption, { pictureOf, ...context }) =>
      judgeArena(
        { image, reference: gold, baseline, baselineCaption: baseline_caption, picture: () => pictureOf(image) },
        caption,
        context,
      ),
    scoreArena,
  ),
};

/** @throws UserError when it cannot begin or go on; the signal's reason. What was judged is kept. */
export async function evaluateCaptions(options: EvaluateCaptionsOptions): Promise<CaptionEvaluation> {
  checkOptions(options);
  const { suite: name, captions: path, references, imageFolder, limit, seed = 0, onProgress, ...forJudge } = options;
  const suite = suites[name];
  const captions = await readCaptions(path);
  const assessments = (await suite.read(references)).slice(0, limit);
  assertMeet(assessments, captions, { captions: path, references });
  const judge = await Judge.open(forJudge);
  try {
    const pictureOf = async (image: string) => pictureUrl(await readPictureFile(image, imageFolder));
    const context: Context = { ask: judge.ask, pictureOf, seed };
    let done = 0;
    const samples = await inParallel(assessments, forJudge.concurrency ?? judgeDefaults.concurrency, async (it) => {
      const sample = await it.judge(captions.get(stemOf(it.image)) ?? null, context);
      onProgress?.(++done, assessments.length);
      return sample;
    });
    return { suite: name, prompts: "rediff", scores: suite.score(samples), judge: judge.report, samples };
  } finally {
    await judge.close();
  }
}

/** A wrong file would be a score of nothing. */
function assertMeet(
  assessments: readonly Assessment[],
  captions: ReadonlyMap<string, unknown>,
  paths: { captions: string; references: string },
): void {
  if (assessments.length === 0) throw new UserError(`${paths.references}: holds no picture to judge by`);
  if (assessments.some(({ image }) => captions.has(stemOf(image)))) return;
  const example = `${stemOf(assessments[0]?.image ?? "")}, and captions of ${[...captions.keys()][0] ?? "none"}`;
  throw new UserError(
    `${paths.captions} has no caption of any picture in ${paths.references} (which has ${example})`,
    "Captions are told by the names of their pictures, without folder and ending.",
  );
}

async function inParallel<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  const one = async () => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: width }, one));
  return results;
}
