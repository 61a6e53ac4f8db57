/** CLAIR, coverage, factuality, CapArena-Auto and CAPTURE against the originals, on replies that are recorded. The prompts are
 *  in other words here, so of the calls only form and settings are compared. */
import { z } from "zod";
import { judgePair, scoreArena } from "../../../evaluation/captions/caparena.js";
import { judgeClair, scoreClair } from "../../../evaluation/captions/clair.js";
import { judgeCoverage, scoreCoverage } from "../../../evaluation/captions/coverage.js";
import { judgeFactuality, scoreFactuality } from "../../../evaluation/captions/factuality.js";
import type { AskSuite, SuiteQuestion } from "../../../evaluation/captions/suite.js";
import { compareExact } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";

export async function run(golden: GoldenCase): Promise<Outcome> {
  const check = checks[golden.referenceFunction];
  if (check === undefined)
    return { status: "failed", deviation: Number.NaN, note: `unknown function "${golden.referenceFunction}"` };
  const { atol } = z.looseObject({ atol: z.number() }).parse(golden.tolerance);
  const outcome = await check(golden.raw);
  return outcome.deviation <= atol ? { status: "passed", deviation: outcome.deviation } : outcome;
}

const checks: Readonly<Record<string, (raw: unknown) => Promise<Outcome>>> = {
  "evaluation/clair": checkClair,
  "evaluation/coverage": checkCoverage,
  "evaluation/factuality": checkFactuality,
  "evaluation/caparena_auto": checkArena,
};

const replies = z.array(z.string());
const predictions = z.array(z.looseObject({ doc: z.int(), text: z.string().nullable(), judge_replies: replies }));
const calls = z.array(z.looseObject({ roles: z.array(z.string()), temperature: z.number(), max_tokens: z.number() }));

/** Answers by the recorded replies, in their order. */
class Script {
  readonly asked: SuiteQuestion[] = [];

  ask(those: readonly string[]): AskSuite {
    const left = [...those];
    return async (question) => {
      this.asked.push(question);
      const reply = left.shift();
      if (reply === undefined) throw new Error(`${question.purpose}: asked more often than recorded`);
      return reply;
    };
  }

  /** As far as calls are recorded. */
  settings(recorded: z.infer<typeof calls>): z.infer<typeof calls> {
    return this.asked.slice(0, recorded.length).map(({ messages, temperature, maxTokens }, i) => ({
      ...recorded[i],
      roles: messages.map(({ role }) => role),
      temperature,
      max_tokens: maxTokens,
    }));
  }
}

const picture = async () => "data:image/png;base64,";

async function checkClair(raw: unknown): Promise<Outcome> {
  const golden = z
    .looseObject({
      docs: z.array(z.looseObject({ image: z.string(), caption: z.string() })),
      predictions,
      per_sample: z.array(z.unknown()),
      aggregate: z.strictObject({ CLAIR: z.number().nullable(), skipped: z.array(z.string()) }),
      judge_calls: calls,
    })
    .parse(raw);
  const script = new Script();
  const samples = [];
  for (const { doc, text, judge_replies } of golden.predictions) {
    const { image, caption } = at(golden.docs, doc);
    samples.push(await judgeClair({ image, reference: caption }, text, script.ask(judge_replies)));
  }
  const { clair } = scoreClair(samples);
  const skipped = samples.filter(({ trouble }) => trouble !== null).map(({ image }) => image);
  const perSample = samples.map(({ image: _image, trouble, ...sample }) => ({ ...sample, skipped: trouble !== null }));
  const got = {
    per_sample: perSample,
    aggregate: { CLAIR: clair, skipped },
    calls: script.settings(golden.judge_calls),
  };
  return compareExact(got, { per_sample: golden.per_sample, aggregate: golden.aggregate, calls: golden.judge_calls });
}

async function checkCoverage(raw: unknown): Promise<Outcome> {
  const golden = z
    .looseObject({
      docs: z.array(z.looseObject({ image: z.string(), questions: replies, answers: replies })),
      predictions,
      per_sample: z.array(z.unknown()),
      aggregate: z.looseObject({}),
      judge_calls: calls,
    })
    .parse(raw);
  const script = new Script();
  const samples = [];
  for (const { doc, text, judge_replies } of golden.predictions)
    samples.push(await judgeCoverage(at(golden.docs, doc), text, script.ask(judge_replies)));
  const { coverage, correct, total } = scoreCoverage(samples);
  const skipped = samples.filter(({ trouble }) => trouble !== null).map(({ image }) => image);
  const perSample = samples.map(({ image: _image, trouble: _trouble, ...sample }) => sample);
  const got = {
    per_sample: perSample,
    aggregate: { coverage, correct, total, skipped },
    calls: script.settings(golden.judge_calls),
  };
  return compareExact(got, { per_sample: golden.per_sample, aggregate: golden.aggregate, calls: golden.judge_calls });
}

async function checkFactuality(raw: unknown): Promise<Outcome> {
  const golden = z
    .looseObject({
      docs: z.array(z.looseObject({ image: z.string(), caption: z.string() })),
      predictions,
      per_sample: z.array(z.unknown()),
      aggregate: z.looseObject({}),
      judge_calls: calls,
    })
    .parse(raw);
  const script = new Script();
  const samples = [];
  for (const { doc, text, judge_replies } of golden.predictions) {
    const { image, caption } = at(golden.docs, doc);
    samples.push(await judgeFactuality({ image, reference: caption, picture }, text, script.ask(judge_replies)));
  }
  const { factuality, true: right, total } = scoreFactuality(samples);
  const skipped = samples.filter(({ trouble }) => trouble !== null).map(({ image }) => image);
  const perSample = samples
    .filter(({ trouble }) => trouble !== "no_caption") // of which there is no record
    .map((sample) =>
      sample.answers === null
        ? { propositions: sample.propositions, answers: null }
        : { propositions: sample.propositions, answers: sample.answers, true: sample.true },
    );
  const got = {
    per_sample: perSample,
    aggregate: { factuality, true: right, total, skipped },
    calls: script.settings(golden.judge_calls),
  };
  return compareExact(got, { per_sample: golden.per_sample, aggregate: golden.aggregate, calls: golden.judge_calls });
}

async function checkArena(raw: unknown): Promise<Outcome> {
  const doc = z.looseObject({
    img: z.string(),
    source1: z.string(),
    caption1: z.string(),
    caption2: z.string(),
    ref: z.string(),
    ref_model: z.string(),
  });
  const golden = z
    .looseObject({
      docs: z.array(doc),
      predictions: z.array(z.looseObject({ doc: z.int(), judge_replies: replies })),
      per_sample: z.array(z.unknown()),
      aggregate: z.record(z.string(), z.number()),
    })
    .parse(raw);
  const script = new Script();
  const samples = [];
  for (const { doc: index, judge_replies } of golden.predictions) {
    const { img, source1, caption1, caption2, ref, ref_model } = at(golden.docs, index);
    const pair = { caption1, caption2, reference: ref, picture: await picture() };
    const judged = await judgePair(pair, script.ask(judge_replies));
    const first = source1 !== ref_model;
    const words = (first ? caption1 : caption2).split(" ").length;
    samples.push({ image: img, baseline: ref_model, standsFirst: first, words, ...judged });
  }
  const { score, baselines, mean_words } = scoreArena(samples);
  const aggregate = { Score_Avg: score, ...baselines, Length_Avg: mean_words };
  const perSample = samples.map(({ judgement }) => ({ judge: judgement }));
  return compareExact(
    { per_sample: perSample, aggregate },
    { per_sample: golden.per_sample, aggregate: golden.aggregate },
  );
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`no document ${index}`);
  return item;
}
