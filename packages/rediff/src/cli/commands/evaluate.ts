/** `rediff evaluate TASK...`: a model's answers to published tasks, scored; and runs beside each other. */
import { Command, Option } from "commander";
import { OptionError, UserError } from "../../errors.js";
import { type Protocol, protocols } from "../../evaluation/protocols.js";
import type { ModelToAsk } from "../../evaluation/running/evaluate.js";
import type { EvaluateOptions } from "../../evaluation/running/evaluate-options.js";
import type { EvaluationResult } from "../../evaluation/running/evaluation-result.js";
import { writeText } from "../../files/atomic-file.js";
import { type Place, placeOf } from "../../ranks/place.js";
import { begin, statusOfInputs } from "../exit-status.js";
import {
  type AnswerFlags,
  addAnswerOptions,
  addModelOptions,
  addPromptOptions,
  answerOptions,
  type ModelFlags,
  type PromptFlags,
  promptOptions,
} from "../options/describe-options.js";
import { knownModel, openModel } from "../options/load-engine.js";
import { decimal, given, whole } from "../options/parse-values.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { answerLine, noteLine } from "../terminal/lines.js";
import { type Progress, progress } from "../terminal/progress.js";
import { flagsOfRank, joinWork } from "../together/join-work.js";

interface Flags extends ModelFlags, PromptFlags, AnswerFlags {
  data?: string;
  output?: string;
  limit?: number;
  shard?: string;
  protocol?: Protocol;
  unreadable?: "wrong" | "random";
  batch: number;
  thinking?: "think" | "no_think" | "none";
  predictOnly?: true;
  answers?: string;
  judge?: string;
  judgeModel?: string;
  judgeCache?: string;
  judgeConcurrency?: number;
  budget?: number;
  price?: [number, number];
  synonyms?: string;
  meteor?: string;
  captureParts?: string;
  list?: true;
  compare?: true;
  resamples?: number;
  report?: string;
  json?: true;
}

const HELP = `
TASK is a task or a group of them (--list has all), or a file of a task of one's own (.yaml; docs/evaluation.md). Scenes are
made on the spot; other tasks read the data set's own parquet or JSON files from --data, or from the hub's cache after
\`rediff pull ID --dataset\`. Published settings are the defaults, and the flags of \`caption\` replace them.

With --output DIR each answer is appended to DIR/TASK/answers.jsonl as soon as it is there, with model, data, settings and
seed; the same command goes on where it was cut off, and scores anew without asking. DIR then has results and samples as
lmms-eval writes them, DIR/report.html, and the submission of tasks that a server scores.

Several processes ask together under rediff launch (and torchrun, srun ...) with --output: each takes the next few questions
when it is free, and the first puts the answers together and scores them. For processes that know nothing of each other,
parts (--shard 1/4 to 4/4) share DIR; the command without --shard puts them together.

A picture that cannot be read is named, counts as a wrong answer, and the score without it stands beside. --answers scores
answers from elsewhere: lines of {"doc": 0, "answer": "..."}, or lmms-eval's samples.

--compare takes folders of runs: the second against the first, documents resampled, with the documents that differ. Several
runs at different speeds make curves in --report FILE.

Examples:
  $ rediff evaluate scenes --limit 50
  $ rediff evaluate scenes_caption --revise --tokens-per-step 4 --batch 8 --output exp/fast
  $ rediff evaluate --compare exp/slow exp/fast --report compared.html
  $ rediff evaluate mmmu_val pope --model LLaDA-V --data data/ --output exp/llada-v --batch 4
  $ rediff launch --nproc 4 -- evaluate pope --model LLaDA-V --data data/ --output exp/llada-v
  $ rediff evaluate clair --data references.jsonl --judge http://127.0.0.1:8000/v1 --judge-model NAME --output exp/clair
  $ rediff evaluate mmstar --data data/ --answers samples.jsonl
`;

export function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .description("score a model on published tasks, and compare runs")
    .argument("[TASK...]", "tasks, groups, files of own tasks; with --compare folders of runs");
  addModelOptions(command);
  command
    .option("--list", "the tasks that there are, and nothing else")
    .option("--data <PATH>", "a file, a data set's folder, or a folder of data sets (default the hub's cache)")
    .option("--output <DIR>", "answers as they come, results, samples and a report")
    .option("--limit <N>", "the first documents of each task; what counts together is taken whole", whole(1))
    .option("--shard <I/N>", "one of N parts")
    .option("--batch <N>", "questions answered together", whole(1), 1)
    .addOption(
      new Option("--protocol <P>", "which way of asking and scoring (default each task's own)").choices([...protocols]),
    )
    .addOption(
      new Option(
        "--unreadable <R>",
        "an answer without a letter is wrong, or gets one by chance (default wrong)",
      ).choices(["wrong", "random"]),
    )
    .addOption(
      new Option("--thinking <T>", "what questions end with, instead of the task's").choices([
        "think",
        "no_think",
        "none",
      ]),
    )
    .option("--predict-only", "write answers down and do not score them")
    .option("--answers <FILE>", "score these answers; no model is asked")
    .option("--judge <URL>", "chat-completions API of the judge (default OpenAI's)")
    .option("--judge-model <NAME>", "the model that judges")
    .option("--judge-cache <D>", "what the judge said (default judgements in --output)")
    .option("--judge-concurrency <N>", "questions to the judge at a time (default 8)", whole(1))
    .option("--price <IN,OUT>", "of the judge, for a million tokens in and out", prices)
    .option("--budget <B>", "money for the judge at most; needs --price", decimal)
    .option("--synonyms <FILE>", "CHAIR's table of words for objects")
    .option("--meteor <DIR>", "METEOR's tables: COCO captions by METEOR too (docs/evaluation.md)")
    .option("--capture-parts <MODULE>", "CAPTURE's parser and encoder (docs/judges.md)")
    .option("--compare", "runs beside each other, the second against the first")
    .option("--resamples <N>", "of --compare (default 1000)", whole(1))
    .option("--report <FILE>", "an HTML report of all runs that are named with --compare")
    .option("--json", "one JSON line for each task");
  addPromptOptions(command, { prompt: true });
  addAnswerOptions(command);
  return command.addHelpText("after", HELP).action(run);
}

function prices(text: string): [number, number] {
  const numbers = text.split(",").map(Number);
  const [input, output] = numbers;
  if (numbers.length === 2 && input !== undefined && output !== undefined && input >= 0 && output >= 0)
    return [input, output];
  throw new OptionError("price", `--price "${text}" is not IN,OUT`, "For example --price 2.5,10.");
}

async function run(names: string[], _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  if (flags.list) return listAll(flags);
  if (flags.compare) return compareAll(names, flags);
  if (names.length === 0)
    throw new UserError("no task was named", "For example `rediff evaluate scenes --limit 50`; --list has all.");
  if (flags.report !== undefined)
    throw new OptionError("report", "--report goes with --compare", "A run leaves report.html in its --output.");
  const [{ evaluate, evaluateTogether }, { checkEvaluate }] = await Promise.all([
    import("../../evaluation/running/evaluate.js"),
    import("../../evaluation/running/evaluate-options.js"),
  ]);
  const place = flags.shard === undefined ? placeOf() : undefined;
  if (place !== undefined) assertShareable(place, flags);
  using interrupt = listenForInterrupts();
  const screen = taskScreen(flags);
  const options: EvaluateOptions = { ...evaluateOptions(names, flags), ...screen.observer, signal: interrupt.signal };
  checkEvaluate(options);
  let results: EvaluationResult[];
  try {
    if (place === undefined)
      results = await evaluate(flags.answers === undefined ? await modelToAsk(flags) : undefined, options);
    else {
      const asked = await modelToAsk(flagsOfRank(flags, place));
      results = await joinWork(place, (work) => evaluateTogether(asked, options, work));
    }
  } finally {
    screen.finish();
  }
  if (place !== undefined && place.rank > 0) return; // rank 0 has the results of all
  const { resultTable } = await import("../../evaluation/results/result-table.js");
  if (!flags.json) answerLine(resultTable(results));
  if (flags.output !== undefined) await reportOf(flags.output, flags);
  else noteLine("rediff: nothing of this is kept; --output DIR keeps answers, results and a report");
  const samples = results.flatMap((result) => result.samples);
  const failed = samples.filter(({ reply }) => reply === null).length;
  if (failed > 0) process.exitCode = statusOfInputs(failed, samples.length);
}

function assertShareable({ size }: Place, { output, answers }: Flags): void {
  if (output === undefined)
    throw new UserError(`${size} processes answer together into one folder`, "Give --output DIR.");
  if (answers !== undefined)
    throw new UserError(`of ${size} processes none has anything to ask: --answers has the answers`, "Start one alone.");
}

function evaluateOptions(tasks: readonly string[], flags: Flags): EvaluateOptions {
  const { data, output, limit, shard, protocol, unreadable, seed, batch, thinking } = flags;
  const { predictOnly, answers, judge: judgeUrl, judgeModel, judgeCache, synonyms, meteor, captureParts } = flags;
  const { judgeConcurrency: concurrency, budget, price } = flags;
  const { prompt: _, ...asking } = promptOptions(flags);
  const settings = { ...asking, ...answerOptions(flags) };
  return {
    tasks,
    settings,
    ...given({ data, output, limit, shard, protocol, unreadable, seed, batch, thinking, predictOnly, answers }),
    ...given({ judgeUrl, judgeModel, judgeCache, synonyms, meteor, captureParts, concurrency, budget }),
    ...(price !== undefined && { prices: { in: price[0], out: price[1] } }),
  };
}

/** What is known of it before its weights are read; they are when there is something to ask. */
async function modelToAsk(flags: Flags): Promise<ModelToAsk> {
  const known = await knownModel(flags);
  return {
    ...known,
    name: flags.model,
    base: flags.base,
    load: once(() => openModel(flags, { pictures: true })),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Failures that are told one by one; all of them are in the samples. */
const SHOWN_NOTES = 10;

function taskScreen(flags: Flags) {
  let bar: Progress | undefined;
  let [current, notes] = ["", 0];
  return {
    finish: () => bar?.finish(),
    observer: {
      onProgress({ task, done, total }: { task: string; done: number; total: number }) {
        if (task !== current) {
          bar?.finish();
          bar = progress({ label: task, total, unit: "questions", initial: done });
          [current, notes] = [task, 0];
        }
        bar?.update(done);
      },
      onNote(line: string) {
        if (++notes <= SHOWN_NOTES) (bar?.note ?? noteLine)(`rediff: ${line}`);
        else if (notes === SHOWN_NOTES + 1) (bar?.note ?? noteLine)("rediff: ... further ones are in the samples only");
      },
      onResult(result: EvaluationResult) {
        bar?.finish();
        if (!flags.json) return;
        const { samples: _, ...rest } = result;
        answerLine(JSON.stringify(rest));
      },
    },
  };
}

async function reportOf(output: string, { shard }: Flags): Promise<void> {
  if (shard !== undefined) return noteLine("rediff: the same command without --shard puts the parts together");
  const [{ readResults }, { reportPage }] = await Promise.all([
    import("../../evaluation/results/result-files.js"),
    import("../../evaluation/results/report-page.js"),
  ]);
  await writeText(`${output}/report.html`, reportPage(await readResults(output)));
  noteLine(`rediff: ${output}/report.html shows pictures, answers and scores`);
}

async function compareAll(folders: readonly string[], flags: Flags): Promise<void> {
  const [first, ...others] = folders;
  if (first === undefined || others.length === 0)
    throw new UserError("--compare takes two folders of runs or more", "For example --compare exp/a exp/b.");
  const [{ compareRuns }, { comparisonTable }, { readResults }, { reportPage }] = await Promise.all([
    import("../../evaluation/results/compare-runs.js"),
    import("../../evaluation/results/result-table.js"),
    import("../../evaluation/results/result-files.js"),
    import("../../evaluation/results/report-page.js"),
  ]);
  const runs = await Promise.all(folders.map(readResults));
  begin();
  const { resamples: samples, seed } = flags;
  const compared = [];
  for (const other of others) {
    const tasks = await compareRuns(first, other, given({ samples, seed }));
    compared.push(...tasks);
    if (flags.json) answerLine(JSON.stringify({ first, second: other, tasks }));
    else answerLine(`${other} against ${first}\n${comparisonTable(tasks)}`);
  }
  if (flags.report === undefined) return;
  await writeText(flags.report, reportPage(runs.flat(), others.length === 1 ? compared : []));
}

async function listAll({ json }: Flags): Promise<void> {
  const [{ furnishedTasks, listTasks, taskGroups }, { columns }] = await Promise.all([
    import("../../evaluation/task-registry.js"),
    import("../../evaluation/results/result-table.js"),
  ]);
  const tasks = listTasks();
  if (json) {
    for (const { name, about, protocols: all, task } of tasks)
      answerLine(JSON.stringify({ name, about, protocols: all, source: task.source ?? null, settings: task.settings }));
    return;
  }
  const rows = [
    ...tasks.map(({ name, about, task }) => [name, task.source?.dataset ?? "-", about]),
    ...Object.entries(furnishedTasks).map(([name, about]) => [name, "-", about]),
    ...taskGroups.map(({ name, about, tasks: of }) => [name, "(group)", `${about}: ${of.join(", ")}`]),
  ];
  answerLine(columns([["task", "data set", "about"], ...rows]));
}
