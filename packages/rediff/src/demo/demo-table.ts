/** `npm run demo:table`: what the embedded model can do, and what ReDiff's training adds, measured.
 *
 *  Scenes are generated anew from seeds that training does not use. Captions are kept, so a run that was cut off goes
 *  on; --fresh forgets them. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setThreads } from "@rediff/torch";
import { progress } from "../cli/terminal/progress.js";
import { UserError } from "../errors.js";
import { loadModel, type VisionLanguageModel } from "../inference/vision-language-model.js";
import { usualErrors } from "../scenes/language/planted-error.js";
import { writeCorrupted } from "../scenes/records/derive-records.js";
import { generateScenes } from "../scenes/records/generate-scenes.js";
import { readScenes, type Scene } from "../scenes/records/scene-records.js";
import { compareAll, type Figure, scoreAll, type Tally } from "../scenes/scoring/score.js";
import { makeWorld } from "../scenes/world/world.js";
import { type Cell, captionCell, type Stage, speeds, weightsKey } from "./asked/caption-grid.js";
import { keptTexts } from "./asked/kept-texts.js";
import { answerQuestions, type Question, questionsAbout, scoreQuestions } from "./asked/question-figures.js";
import { scoreRefining } from "./asked/refine-figures.js";
import { chart } from "./chart.js";
import { modelFigures } from "./model-figures.js";
import { goalLines, parseGoals } from "./published/goals.js";
import { withSections } from "./published/marked-sections.js";
import type { Measured, RoundGain } from "./published/measured.js";
import { elsewhereFigures, judged, publishedSections } from "./published/published-sections.js";
import { compareLosses } from "./speed-losses.js";
import {
  elsewhereTable,
  figureTable,
  type GainLine,
  gainTable,
  lossTable,
  questionTable,
  refiningTable,
  roundTable,
  summaryTable,
} from "./table-text.js";

const shown: readonly Figure[] = ["coverage", "precision", "position", "count", "grammar", "exact", "edits"];
const folders: Readonly<Record<string, { title: string; folder: string }>> = {
  llada_v: { title: "LLaDA-V objective", folder: "demo-stages/llada_v" },
  continued: { title: "the same, trained on", folder: "demo-stages/continued" },
  rediff_base: { title: "ReDiff stage I", folder: "demo-stages/rediff_base" },
  rediff: { title: "ReDiff stage II", folder: "demo" },
};
/** Of the table's scenes: training uses other ones. */
export const TABLE_SEED = 9001;
/** Of the model's certainty, for `refine`: chosen on other scenes than those of the table. */
const REFINE_THRESHOLD = 0.7;

const usage = `npm run demo:table -- [--models DIR] [--scenes N] [--kept DIR] [--output DIR] [--stage KEY] [--threads N] [--fresh]

  --models DIR   where the stages lie: DIR/demo and DIR/demo-stages/* (default models)
  --scenes N     held-out scenes for the table (default 500); three fifths of them for refine
  --kept DIR     scenes and captions (default exp/demo/table)
  --output DIR   table.md, table.json and table.svg (default exp/demo; docs/demo holds the published ones)
  --rounds DIR   what rediff improve wrote; its rounds are compared with each other (default exp/demo/improve, if there)
  --rounds-from DIR
                 the model that those rounds began with (default exp/demo/rediff_base, if there; else ReDiff's stage I)
  --publish      write the figures into README.md, docs/embedded-model.md, the model card and docs/demo
  --goals FILE   JSON: {"style.rediff.coverage": {"least": 0.9}, ...}; says which are reached ("most", "beyond_doubt")
  --stage KEY    only ask llada_v, continued, rediff_base, rediff or round-N, no table: for several processes, started one
                 after the other
  --threads N    CPU threads of one operator`;

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      models: { type: "string", default: "models" },
      scenes: { type: "string", default: "500" },
      kept: { type: "string", default: "exp/demo/table" },
      output: { type: "string" },
      rounds: { type: "string", default: "exp/demo/improve" },
      "rounds-from": { type: "string" },
      publish: { type: "boolean", default: false },
      goals: { type: "string" },
      stage: { type: "string", multiple: true },
      threads: { type: "string" },
      fresh: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const count = Number(values.scenes);
  const { kept, models, publish } = values;
  const output = values.output ?? (publish ? "docs/demo" : "exp/demo");
  const goals = values.goals === undefined ? undefined : parseGoals(readFileSync(values.goals, "utf8"));
  if (values.fresh) rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  mkdirSync(output, { recursive: true });

  const stages: Stage[] = Object.entries(folders)
    .map(([key, { title, folder }]) => ({
      key,
      title,
      folder: join(models, folder),
      revises: key.startsWith("rediff"),
    }))
    .filter(({ folder }) => existsSync(folder));
  const unknown = values.stage?.find((key) => !(key in folders) && !/^round-\d+$/.test(key));
  if (unknown !== undefined)
    throw new UserError(`--stage ${unknown} is none`, `The stages are ${Object.keys(folders).join(", ")}, round-N.`);
  if (values.threads !== undefined) setThreads(Number(values.threads));
  const chosen = stages.filter(({ key }) => values.stage === undefined || values.stage.includes(key));
  const last = stages.at(-1);
  const first = stages[0];
  if (last === undefined || first === undefined)
    throw new UserError(`no stages under ${models}`, "Give the folder that has demo and demo-stages with --models.");

  const plain = await scenesOf(join(kept, "scenes"), count, { seed: TABLE_SEED, style: "train", split: "train" });
  const sets: SceneSets = {
    kept,
    plain,
    elsewhere: await Promise.all(
      elsewhereKinds.map(async ([name, title, style, split]) => ({
        ...{ name, title },
        ...{ scenes: await scenesOf(join(kept, name), count, { seed: 9002, style, split }) },
      })),
    ),
    drafts: await draftsOf(kept, Math.round(count * 0.6)),
    twoErrors: await draftsOf(kept, Math.round(count * 0.6), 2),
    questions: questionsAbout(plain.scenes.slice(0, Math.round(count * 0.4)), TABLE_SEED),
  };
  const answered: StageFigures[] = [];
  for (const stage of chosen)
    answered.push(await stageFigures(stage, sets, { isFirst: stage === first, isLast: stage === last }));
  if (values.stage !== undefined) {
    for (const key of values.stage.filter((name) => !(name in folders)))
      await roundTallies(join(values.rounds, key, "model"), plain, { kept, round: key });
    return;
  }
  const cells = answered.flatMap((stage) => stage.cells);
  const scored = cells.map(({ tallies, ...cell }) => ({ ...cell, scores: scoreAll(tallies) }));
  const elsewhere = answered.flatMap((stage) => stage.elsewhere);
  const refining = answered.flatMap((stage) => stage.refining);
  const two = answered.flatMap((stage) => stage.two);
  const foreign = answered.flatMap((stage) => stage.foreign);
  const asked = answered.flatMap((stage) => stage.asked);

  const find = (key: string, tokensPerStep: number, revise: boolean) =>
    cells.find((cell) => cell.stage === key && cell.tokensPerStep === tokensPerStep && cell.revise === revise)
      ?.tallies ?? [];
  const losses: Measured["losses"] = stages.slice(1).flatMap((stage) =>
    [4, 8].flatMap((tokensPerStep) =>
      judged.map((figure) => {
        const revise = stage.revises;
        const reference = { slow: find(first.key, 1, false), fast: find(first.key, tokensPerStep, false) };
        const own = { slow: find(stage.key, 1, revise), fast: find(stage.key, tokensPerStep, revise) };
        const comparison = compareLosses(reference, own, figure);
        return { stage: stage.key, figure, tokensPerStep, title: stage.title, comparison };
      }),
    ),
  );

  const isWhole = stages.length === Object.keys(folders).length;
  const gains: GainLine[] = (isWhole ? speeds : []).map((tokensPerStep) => ({
    tokensPerStep,
    difference: compareAll(find("rediff", tokensPerStep, true), find("rediff_base", tokensPerStep, true)),
  }));

  const began = values["rounds-from"] ?? defaultRoundsFrom;
  const rounds = !isWhole
    ? []
    : await roundGains(values.rounds, plain, {
        kept,
        // The published stages' towers were trained once more behind the loop.
        before: existsSync(began)
          ? await roundTallies(began, plain, { kept, round: "rediff_base" })
          : new Map(roundSpeeds.map((speed) => [speed, find("rediff_base", speed, true)])),
      });

  const measured: Measured = {
    ...{ count, model: await modelFigures(last.folder), stages, scored, losses, gains, rounds, elsewhere },
    ...{ drafts: sets.drafts.scenes.length, threshold: REFINE_THRESHOLD, refining, two, foreign },
    ...{ questions: sets.questions.length, asked },
  };
  const markdown = [
    `${count} held-out scenes; in brackets 95 % intervals from resampled scenes.`,
    summaryTable(stages, scored, judged),
    "Figure by figure, with and without revising:",
    ...shown.map((figure) => figureTable(stages, scored, figure)),
    "What several tokens per step lose against one (ReDiff revising):",
    lossTable(losses),
    "What stage II adds to stage I, both revising:",
    gainTable(gains, judged),
    "What each round of the loop adds to the one before it, revising:",
    rounds.length === 0 ? "(no rounds were there)" : roundTable(rounds),
    "Scenes unlike those of training:",
    elsewhereTable(elsewhere, elsewhereFigures),
    `Refine: ${sets.drafts.scenes.length} captions, half of them with one planted error; shares repaired by kind of error:`,
    refiningTable(refining),
    `Two planted errors at once, threshold ${REFINE_THRESHOLD}: ${sets.twoErrors.scenes.length} captions, half of them right:`,
    refiningTable(two),
    "The captions with one error or none, behind a sentence of words that the model does not know:",
    refiningTable(foreign),
    `Short questions, one token per step: ${sets.questions.length}, shares of right answers:`,
    questionTable(asked),
    "",
  ].join("\n\n");
  process.stdout.write(markdown);
  writeFileSync(join(output, "table.md"), markdown);
  writeFileSync(join(output, "table.json"), `${JSON.stringify(measured, null, 1)}\n`);
  const series = stages.map((stage) => ({ stage, revise: stage.revises }));
  writeFileSync(
    join(output, "table.svg"),
    chart(series, scored, "exact", `Captions without any error, ${count} held-out scenes`),
  );
  if (publish) publishFigures(measured, models);
  for (const line of goals === undefined ? [] : goalLines(goals, measured)) console.log(line);
}

/** Documents with marked sections; all are made before one is written. */
function publishFigures(measured: Measured, models: string): void {
  const sections = publishedSections(measured);
  const files = ["README.md", "docs/embedded-model.md", join(models, "demo", "README.md")];
  const texts = files.map((file) => withSections(file, readFileSync(file, "utf8"), sections));
  for (const [i, file] of files.entries()) writeFileSync(file, texts[i] ?? "");
}

/** What models are asked about. */
interface SceneSets {
  kept: string;
  plain: SceneSet;
  elsewhere: readonly { name: (typeof elsewhereKinds)[number][0]; title: string; scenes: SceneSet }[];
  drafts: SceneSet;
  twoErrors: SceneSet;
  questions: readonly Question[];
}

type StageFigures = { cells: readonly Cell[] } & Pick<Measured, "elsewhere" | "refining" | "two" | "foreign" | "asked">;

/** All that one stage's model is asked. What it says is kept by its weights, so a model that was trained anew is asked anew. */
async function stageFigures(
  stage: Stage,
  sets: SceneSets,
  { isFirst, isLast }: { isFirst: boolean; isLast: boolean },
): Promise<StageFigures> {
  using model = await loadModel(stage.folder);
  const { key, title } = stage;
  const kept = join(sets.kept, "captions", weightsKey(stage.folder));
  const cells: Cell[] = [];
  for (const revise of [false, true]) {
    for (const tokensPerStep of speeds) {
      const label = `${title}, ${tokensPerStep} per step${revise ? ", revising" : ""}`;
      cells.push(await cellOf(model, key, sets.plain, { tokensPerStep, revise, kept, label }));
    }
  }

  const elsewhere: Measured["elsewhere"][number][] = [];
  for (const other of isFirst || isLast ? sets.elsewhere : []) {
    const label = `${title}, ${other.title}`;
    const revise = isLast && !isFirst;
    const cell = await cellOf(model, `${key}-${other.name}`, other.scenes, { tokensPerStep: 1, revise, kept, label });
    elsewhere.push({ stage: key, kind: other.name, title: label, scores: scoreAll(cell.tallies) });
  }

  const refined = async (
    name: string,
    { folder, scenes }: SceneSet,
    options: { threshold: number; behind?: string },
  ) => {
    const bar = progress({ label: `${name}, ${title}`, unit: "captions", total: scenes.length });
    const file = join(kept, `${name.replaceAll(" ", "-")}-${options.threshold}.json`);
    try {
      return await scoreRefining(model, scenes, { ...options, folder, kept: file, onProgress: bar.update });
    } finally {
      bar.finish();
    }
  };
  const refining: Measured["refining"][number][] = [];
  for (const threshold of isLast ? [0, 0.5, REFINE_THRESHOLD, 0.9] : [REFINE_THRESHOLD]) {
    const scores = await refined("refine", sets.drafts, { threshold });
    refining.push({ stage: key, threshold, title: `${title}, threshold ${threshold}`, scores });
  }
  const threshold = REFINE_THRESHOLD;
  const two = [{ stage: key, title, scores: await refined("two errors", sets.twoErrors, { threshold }) }];
  const foreign = isLast
    ? [{ stage: key, title, scores: await refined("foreign", sets.drafts, { threshold, behind: FOREIGN }) }]
    : [];

  const { questions, plain } = sets;
  const bar = progress({ label: `questions, ${title}`, unit: "answers", total: questions.length });
  const said = await keptTexts(join(kept, "questions.json"), questions.length, () =>
    answerQuestions(model, plain.scenes, questions, {
      ...{ folder: plain.folder, tokensPerStep: 1, revise: stage.revises, onProgress: bar.update },
    }),
  );
  bar.finish();
  return {
    cells,
    elsewhere,
    refining,
    two,
    foreign,
    asked: [{ stage: key, title, scores: scoreQuestions(questions, said) }],
  };
}

/** Each round's model against the one before it. */
async function roundGains(
  folder: string,
  scenes: SceneSet,
  options: { kept: string; before: Map<number, readonly Tally[]> },
): Promise<RoundGain[]> {
  const gains: RoundGain[] = [];
  let { before } = options;
  for (let round = 1; existsSync(join(folder, `round-${round}`, "model", "config.json")); round++) {
    const model = join(folder, `round-${round}`, "model");
    const now = await roundTallies(model, scenes, { kept: options.kept, round: `round-${round}` });
    for (const [tokensPerStep, tallies] of now)
      gains.push({ round, tokensPerStep, difference: compareAll(tallies, before.get(tokensPerStep) ?? []) });
    before = now;
  }
  return gains;
}

/** How one round's model describes the scenes, by tokens per step. */
async function roundTallies(
  folder: string,
  scenes: SceneSet,
  { kept, round }: { kept: string; round: string },
): Promise<Map<number, readonly Tally[]>> {
  using model = await loadModel(folder);
  const found = new Map<number, readonly Tally[]>();
  for (const tokensPerStep of roundSpeeds) {
    const options = { tokensPerStep, revise: true, kept: join(kept, "captions", weightsKey(folder)) };
    const cell = await cellOf(model, round, scenes, { ...options, label: `${round}, ${tokensPerStep} per step` });
    found.set(tokensPerStep, cell.tallies);
  }
  return found;
}

const roundSpeeds: readonly number[] = [1, 4, 8, 16];
const defaultRoundsFrom = "exp/demo/rediff_base";
/** Put before drafts: none of its words is the world's. */
const FOREIGN = "My dear friend, good morning! ";

const elsewhereKinds = [
  ["style", "a style never seen", "held-out", "train"],
  ["combinations", "combinations never seen", "train", "held-out"],
] as const;

export interface SceneSet {
  folder: string;
  scenes: Scene[];
}

/** Held-out scenes, generated where they are not there yet. */
export async function scenesOf(
  folder: string,
  count: number,
  { seed, style, split }: { seed: number; style: "train" | "held-out"; split: "train" | "held-out" },
): Promise<SceneSet> {
  await generateScenes({ folder, count, seed, style, split, size: 144, world: makeWorld("demo") });
  return { folder, scenes: (await collect(join(folder, "scenes.jsonl"))).slice(0, count) };
}

/** Half with an error, or two, half right, of pictures of their own. */
async function draftsOf(kept: string, count: number, errors: 1 | 2 = 1): Promise<SceneSet> {
  const { folder } = await scenesOf(join(kept, "refine"), 2 * count, { seed: 9003, style: "train", split: "train" });
  const truth = join(folder, "scenes.jsonl");
  const wrong = join(folder, errors === 1 ? "wrong.jsonl" : "two-wrong.jsonl");
  const right = join(folder, "right.jsonl");
  await writeCorrupted({ truth, output: wrong, seed: 1, kinds: usualErrors, errors });
  await writeCorrupted({ truth, output: right, seed: 1, kinds: ["none"] });
  return {
    folder,
    scenes: [...(await collect(wrong)).slice(0, count), ...(await collect(right)).slice(count, 2 * count)],
  };
}

async function collect(file: string): Promise<Scene[]> {
  const scenes: Scene[] = [];
  for await (const scene of readScenes(file)) scenes.push(scene);
  return scenes;
}

async function cellOf(
  model: VisionLanguageModel,
  stage: string,
  { folder, scenes }: SceneSet,
  { label, ...options }: { tokensPerStep: number; revise: boolean; kept: string; label: string },
): Promise<Cell> {
  const bar = progress({ label, unit: "captions", total: scenes.length });
  try {
    return await captionCell(model, stage, scenes, { ...options, folder, onProgress: bar.update });
  } finally {
    bar.finish();
  }
}
