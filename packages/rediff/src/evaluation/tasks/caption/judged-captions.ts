/** ReDiff's caption suites as tasks: the model describes each picture, a judge compares. docs/judges.md has what each asks. */
import { z } from "zod";
import { UserError } from "../../../errors.js";
import { DEFAULT_QUESTION } from "../../../text/default-question.js";
import { type ArenaSample, BASELINES, judgeArena, scoreArena } from "../../captions/caparena.js";
import { type ClairSample, judgeClair, scoreClair } from "../../captions/clair.js";
import { type CoverageSample, judgeCoverage, scoreCoverage } from "../../captions/coverage.js";
import { type FactualitySample, judgeFactuality, scoreFactuality } from "../../captions/factuality.js";
import type { AskSuite, Trouble } from "../../captions/suite.js";
import type { Mark, ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type ScoreContext, type Task } from "../../task.js";
import { countMarks, type TaskScores } from "../../task-scores.js";

interface Judged {
  image: string;
  trouble: Trouble | null;
}

interface SuiteTask<Document, Sample extends Judged> {
  name: string;
  about: string;
  document: z.ZodType<Document>;
  metric: string;
  prompt?: string;
  target(document: Document): string;
  judge(
    document: Document,
    caption: string | null,
    context: Required<Pick<ScoreContext, "judge">> & ScoreContext,
  ): Promise<Sample>;
  /** Of one picture, where it has one. */
  score(sample: Sample): number | null;
  metrics(samples: readonly Sample[]): Record<string, number | null>;
}

const marks: Readonly<Partial<Record<Trouble, readonly Mark[]>>> = {
  judge_failed: ["judge_failed"],
  unreadable: ["unreadable", "judged"],
  no_caption: [],
};

function suiteTask<Document extends { image: string }, Sample extends Judged>(
  suite: SuiteTask<Document, Sample>,
): Task {
  const { name, about, document, metric, prompt = DEFAULT_QUESTION } = suite;
  const sampleOf = ({ details }: ScoredAnswer): Sample => details?.sample as Sample;
  return defineTask<Document>({
    name,
    about,
    document,
    // As long as ReDiff's captions.
    settings: { steps: 128, genLength: 128 },
    metric,
    asWritten: true,
    needsJudge: true,
    prompt: () => prompt,
    pictures: () => ["image"],
    async score(row, answer, context) {
      const { judge } = context;
      if (judge === undefined)
        throw new UserError(`${name} is scored by a judge`, "Name one with --judge URL and --judge-model NAME.");
      const sample = await suite.judge(row, context.failed === true ? null : answer, { ...context, judge });
      const score = suite.score(sample);
      return {
        parsed: answer,
        target: suite.target(row),
        scores: score === null ? {} : { [metric]: score },
        facets: {},
        marks: sample.trouble === null ? ["judged"] : (marks[sample.trouble] ?? ["judged"]),
        details: { sample },
      };
    },
    aggregate(scored): TaskScores {
      return { metrics: suite.metrics(scored.map(sampleOf)), stderr: {}, subScores: {}, counts: countMarks(scored) };
    },
  });
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

const picture =
  ({ picture: read }: ScoreContext, image: string) =>
  async (): Promise<string> => {
    if (read === undefined) throw new UserError(`${image}: the judge has to see it, and it is not there`);
    return read();
  };

export const clair = suiteTask<z.infer<typeof reference>, ClairSample>({
  name: "clair",
  about: "CLAIR: how likely captions are about the pictures of their references, by a judge",
  document: reference,
  metric: "clair",
  target: ({ caption }) => caption,
  judge: ({ image, caption: gold }, caption, { judge }) =>
    judgeClair({ image, reference: gold }, caption, judge as AskSuite),
  score: ({ score }) => score,
  metrics(samples) {
    const { clair: score, clair_lost_as_zero } = scoreClair(samples);
    return { clair: score, clair_lost_as_zero };
  },
});

export const coverage = suiteTask<z.infer<typeof questions>, CoverageSample>({
  name: "coverage",
  about: "Coverage: questions about a picture that its caption answers, by a judge",
  document: questions,
  metric: "coverage",
  target: ({ answers }) => answers.join(" "),
  judge: (row, caption, { judge }) => judgeCoverage(row, caption, judge as AskSuite),
  score: ({ correct, questions: asked }) => (correct === null || asked === 0 ? null : correct / asked),
  metrics(samples) {
    const { coverage: score, coverage_lost_as_wrong } = scoreCoverage(samples);
    return { coverage: score, coverage_lost_as_wrong };
  },
});

export const factuality = suiteTask<z.infer<typeof reference>, FactualitySample>({
  name: "factuality",
  about: "Factuality: statements of captions that are true, by a judge that sees the picture",
  document: reference,
  metric: "factuality",
  target: ({ caption }) => caption,
  judge: ({ image, caption: gold }, caption, context) =>
    judgeFactuality({ image, reference: gold, picture: picture(context, image) }, caption, context.judge as AskSuite),
  score: (sample) => scoreFactuality([sample]).factuality,
  metrics(samples) {
    const { troubles: _, pictures: __, ...scores } = scoreFactuality(samples);
    return numbersOf(scores);
  },
});

export const caparena = suiteTask<z.infer<typeof duel>, ArenaSample>({
  name: "caparena_auto",
  about: "CapArena-Auto: wins less losses against captions of three models, by a judge that sees the picture",
  document: duel,
  metric: "score",
  target: ({ baseline_caption }) => baseline_caption,
  judge: ({ image, reference: gold, baseline, baseline_caption }, caption, context) =>
    judgeArena(
      { image, reference: gold, baseline, baselineCaption: baseline_caption, picture: picture(context, image) },
      caption,
      { ask: context.judge as AskSuite, seed: context.seed ?? 0 },
    ),
  // Points of one duel; the table halves their sums.
  score: (sample) => (sample.trouble === null ? 2 * (scoreArena([sample]).baselines[sample.baseline] ?? 0) : null),
  metrics(samples) {
    const { score, score_lost_as_loss, mean_words, baselines } = scoreArena(samples);
    return { score, score_lost_as_loss, mean_words, ...baselines };
  },
});

const numbersOf = (scores: object): Record<string, number | null> =>
  Object.fromEntries(
    Object.entries(scores).filter(([, value]) => typeof value === "number" || value === null),
  ) as Record<string, number | null>;
