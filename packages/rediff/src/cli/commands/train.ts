/** `rediff train RECIPE [key=value ...]`: trains what a recipe says, and goes on where it was interrupted. */
import { Command, Option } from "commander";
import { UserError } from "../../errors.js";
import { watchParent } from "../../ranks/parent-watch.js";
import { type Place, placeOf } from "../../ranks/place.js";
import type { Ranks } from "../../ranks/ranks.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import type { TrainResult } from "../../training/run/run-report.js";
import { statusOfSignal } from "../exit-status.js";
import { needTorch, useThreads } from "../options/load-engine.js";
import { decimal, seconds, whole } from "../options/parse-values.js";
import { addRecipeArguments } from "../options/recipe-arguments.js";
import { noteLine } from "../terminal/lines.js";
import { trainSignals } from "../terminal/train-signals.js";

interface Flags {
  timeout: number;
  resume: "auto" | "never";
  acceptChangedData?: true;
  inspect?: number;
  plan?: number;
  planTokens: number;
  tflops?: number;
  gbits?: number;
  threads?: number;
  watch?: true;
  once?: true;
  json?: true;
}

const HELP = `
A recipe is a YAML file; every key can be given on the command line as well: learning_rate=1e-5 save.every=500.
The recipes of all stages of LLaDA-V and ReDiff are in recipes/.

The run goes on from the newest checkpoint in its output folder. SIGTERM and Ctrl-C save a checkpoint and end the run
(a second one ends it at once, as the first does before the first step); SIGUSR1 saves a checkpoint and goes on.

Several processes train as one under rediff launch, torchrun --no-python, srun, or in a Job of Kubernetes; each takes
gradient_accumulation_steps micro-batches of a step. sharding=optimizer divides the optimizer's state among them, sharding=full the weights
too. --plan tells what each of N processes would hold and send.

--watch takes the output folders of runs, at work or ended, in place of a recipe, or the one of rediff improve: their
losses as a chart, rates, held-out losses, and several at the same steps. It only reads. Live in a terminal until q or
Ctrl-C; elsewhere, and with --once or --json, it tells once how they stand.

Examples:
  $ rediff train recipes/rediff/stage1.yaml model=exp/llada_v data=stage1.jsonl image_folder=images output=exp/rediff_base
  $ rediff train recipes/llada-v/finetune.yaml data=mine.jsonl lora.rank=64 device=cuda
  $ rediff train recipes/rediff/stage2.yaml --inspect 3
  $ rediff train recipes/rediff/stage1.yaml model=llada-v-8b --plan 8
  $ rediff train --watch exp/rediff_base
  $ rediff train --watch exp/first exp/longer --once
`;

export function trainCommand(): Command {
  return addRecipeArguments(new Command("train"))
    .description("train a model from a recipe")
    .addOption(
      new Option("--resume <WHEN>", "go on from a checkpoint in the output folder, or refuse to touch it")
        .choices(["auto", "never"])
        .default("auto"),
    )
    .option("--accept-changed-data", "go on although the data files are not what they were")
    .option("--inspect <N>", "show N samples as the model will see them, and train nothing", whole(1))
    .option("--plan <N>", "show what the run takes of each of N processes, and train nothing", whole(1))
    .option("--plan-tokens <N>", "of --plan: tokens of a sample, pictures included", whole(1), 3448)
    .option("--tflops <X>", "of --plan: 10^12 operations a second that a process is measured at", decimal)
    .option("--gbits <X>", "of --plan: 10^9 bits a second that a process sends", decimal)
    .option("--threads <N>", "CPU threads of one operator (default those that are the fastest here)", whole(1))
    .option("--timeout <SECONDS>", "with several processes: how long one waits for the others", seconds(1), 600)
    .option("--watch", "show the runs whose output folders are given in place of a recipe, and train nothing")
    .option("--once", "of --watch: show them once, in a terminal too")
    .option("--json", "one JSON line for each step on stdout; of --watch: one for each run, once")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, overrides: string[], flags: Flags): Promise<void> {
  const { watch = false, once = false, json = false } = flags;
  if (once && !watch) throw new UserError("--once is of --watch", "Give --watch and the output folders of runs.");
  if (watch && (flags.plan !== undefined || flags.inspect !== undefined))
    throw new UserError("--watch trains and plans nothing", "Leave out --plan and --inspect.");
  if (watch) return await (await import("../watch/train-watch.js")).watchTraining([file, ...overrides], { once, json });
  const { readRecipe } = await import("../../training/recipe/recipe-file.js");
  const recipe = readRecipe(file, overrides);
  if (flags.plan !== undefined) {
    await needTorch();
    const { planTokens: tokens, tflops, gbits } = flags;
    const { showPlan } = await import("../terminal/train-plan.js");
    return await showPlan(recipe, { processes: flags.plan, tokens, tflops, gbits, json });
  }
  const place = placeOf();
  await (await import("../options/judge-recipe.js")).judgeRecipe(recipe, {
    resume: flags.resume,
    isInspection: flags.inspect !== undefined,
    processes: place?.size ?? 1,
  });
  await needTorch();
  await useThreads(flags.threads);
  if (flags.inspect !== undefined)
    return (await import("../terminal/train-inspect.js")).showSamples(recipe, flags.inspect);

  const [{ train }, { skipReport, trainReport }] = await Promise.all([
    import("../../training/run/trainer.js"),
    import("../terminal/train-report.js"),
  ]);
  await using ranks = place && (await join(place, recipe, flags.timeout));
  const isFirst = (ranks?.rank ?? 0) === 0;
  const report = isFirst ? trainReport(recipe, { json, chart: !json }) : skipReport(recipe);
  const isDrawn = isFirst && process.stderr.isTTY;
  const signals = trainSignals(isDrawn ? (line) => report.onNote?.(line) : undefined);
  using _ = place?.launcher === "rediff launch" ? watchParent(() => process.kill(process.pid, "SIGTERM")) : undefined;
  try {
    const result = await train(recipe, {
      ...report,
      onStart(facts) {
        signals.started();
        report.onStart?.(facts);
      },
      resume: flags.resume,
      acceptChangedData: flags.acceptChangedData === true,
      requests: signals.requests,
      signal: signals.signal,
      ranks,
    });
    report.close();
    if (isFirst) noteLine(summary(result));
    if (!result.finished) process.exitCode = statusOfSignal(signals.received() ?? "SIGTERM");
  } finally {
    report.close();
    signals.close();
  }
}

/** Meets the other processes, as their devices talk. */
async function join(place: Place, recipe: RecipeKeys, timeoutSeconds: number): Promise<Ranks> {
  const [{ joinRanks }, { deviceOf }] = await Promise.all([
    import("../../ranks/ranks.js"),
    import("../../training/run/starting-model.js"),
  ]);
  const backend = deviceOf(recipe, place.localRank).startsWith("cuda") ? "nccl" : "gloo";
  return await joinRanks(place, { backend, timeoutMs: 1000 * timeoutSeconds });
}

function summary({ finished, folder, steps, totalSteps, loss }: TrainResult): string {
  if (!finished) return `stopped after step ${steps} of ${totalSteps}; the same command goes on from ${folder}`;
  if (loss === undefined) return `finished already: the trained model is in ${folder}`;
  return `trained: ${folder} (try it: rediff caption PICTURE --model ${folder})`;
}
