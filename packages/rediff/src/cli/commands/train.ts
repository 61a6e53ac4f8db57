/** `rediff train RECIPE [key=value ...]`: trains what a recipe says, and goes on where it was interrupted. */
import { Command, Option } from "commander";
import type { TrainResult } from "../../training/run/run-report.js";
import { statusOfSignal } from "../exit-status.js";
import { needTorch, useThreads } from "../options/load-engine.js";
import { whole } from "../options/parse-values.js";
import { addRecipeArguments } from "../options/recipe-arguments.js";
import { noteLine } from "../terminal/lines.js";
import { trainSignals } from "../terminal/train-signals.js";

interface Flags {
  resume: "auto" | "never";
  acceptChangedData?: true;
  inspect?: number;
  threads?: number;
  json?: true;
}

const HELP = `
A recipe is a YAML file; every key can be given on the command line as well: learning_rate=1e-5 save.every=500.
The recipes of all stages of LLaDA-V and ReDiff are in recipes/.

The run goes on from the newest checkpoint in its output folder. SIGTERM and Ctrl-C save a checkpoint and end the run
(a second one ends it at once, as the first does before the first step); SIGUSR1 saves a checkpoint and goes on.

Examples:
  $ rediff train recipes/rediff/stage1.yaml model=exp/llada_v data=stage1.jsonl image_folder=images output=exp/rediff_base
  $ rediff train recipes/llada-v/finetune.yaml data=mine.jsonl lora.rank=64 device=cuda
  $ rediff train recipes/rediff/stage2.yaml --inspect 3
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
    .option("--threads <N>", "CPU threads of one operator (default those that are the fastest here)", whole(1))
    .option("--json", "one JSON line for each step on stdout")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, overrides: string[], flags: Flags): Promise<void> {
  const { readRecipe } = await import("../../training/recipe/recipe-file.js");
  const recipe = readRecipe(file, overrides);
  await (await import("../options/judge-recipe.js")).judgeRecipe(recipe, {
    resume: flags.resume,
    isInspection: flags.inspect !== undefined,
  });
  await needTorch();
  await useThreads(flags.threads);
  if (flags.inspect !== undefined)
    return (await import("../terminal/train-inspect.js")).showSamples(recipe, flags.inspect);

  const [{ train }, { trainReport }] = await Promise.all([
    import("../../training/run/trainer.js"),
    import("../terminal/train-report.js"),
  ]);
  const signals = trainSignals();
  const report = trainReport(recipe, { json: flags.json === true });
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
    });
    report.close();
    noteLine(summary(result));
    if (!result.finished) process.exitCode = statusOfSignal(signals.received() ?? "SIGTERM");
  } finally {
    report.close();
    signals.close();
  }
}

function summary({ finished, folder, steps, totalSteps, loss }: TrainResult): string {
  if (!finished) return `stopped after step ${steps} of ${totalSteps}; the same command goes on from ${folder}`;
  if (loss === undefined) return `finished already: the trained model is in ${folder}`;
  return `trained: ${folder} (try it: rediff caption PICTURE --model ${folder})`;
}
