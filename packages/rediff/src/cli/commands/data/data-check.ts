/** `rediff data check RECIPE`: what training would make of the data, before a long run. */
import { Command, Option } from "commander";
import type { CheckReport } from "../../../data/checking/check-data.js";
import type { DataFile } from "../../../data/records/record-list.js";
import type { SampleSettings } from "../../../data/samples/build-sample.js";
import type { RecipeKeys } from "../../../training/recipe/recipe.js";
import { whole } from "../../options/describe-options.js";
import { needTorch } from "../../options/load-engine.js";
import { addRecipeArguments } from "../../options/recipe-arguments.js";
import { progress } from "../../terminal/progress.js";

interface Flags {
  limit?: number;
  decode?: true;
  set: "train" | "evaluate";
  workers: number;
  json?: true;
}

const HELP = `
Looked at: the form of every record, whether its pictures and videos are there, their headers (with --decode, all of
them is decoded), whether <image> markers and pictures agree, lengths against max_length, and whether revise pairs are
found. Names of files, lines and reasons are told; the exit status is 1 when training would skip a record.

Examples:
  $ rediff data check recipes/rediff/stage2.yaml data=mine.jsonl image_folder=images
  $ rediff data check recipes/llada-v/ov-2m.yaml --limit 10000 --decode
`;

export function dataCheckCommand(): Command {
  return addRecipeArguments(new Command("check"))
    .description("check the data of a recipe before a long run")
    .option("--limit <N>", "look at N records, spread over all of the data", whole(1))
    .option("--decode", "decode every picture and video")
    .addOption(
      new Option("--set <NAME>", "the data to train on, or that to evaluate on")
        .choices(["train", "evaluate"])
        .default("train"),
    )
    .option("--workers <N>", "threads", whole(0), 2)
    .option("--json", "print the findings as one JSON line")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, overrides: string[], flags: Flags): Promise<void> {
  const { readRecipe } = await import("../../../training/recipe/recipe-file.js");
  const recipe = readRecipe(file, overrides);
  await needTorch();
  const report = await check(recipe, flags);
  if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const { formatCheckReport } = await import("../../../data/checking/check-report.js");
    process.stdout.write(`${formatCheckReport(report)}\n`);
  }
  if (report.bad > 0) process.exitCode = 1;
}

async function check(recipe: RecipeKeys, flags: Flags): Promise<CheckReport> {
  const data = await dataOf(recipe, flags.set);
  const { planModel } = await import("../../../training/run/starting-model.js");
  const { sampleSettings } = await import("../../../training/recipe/data-settings.js");
  const plan = await planModel(recipe);
  const settings: SampleSettings = sampleSettings(recipe, plan.config);

  const [{ openRecords }, { checkData }] = await Promise.all([
    import("../../../data/records/record-list.js"),
    import("../../../data/checking/check-data.js"),
  ]);
  const reading = progress({ label: "reading", unit: "%", total: 100 });
  const records = await openRecords(data, {
    seed: recipe.seed,
    onProgress: (done, total) => reading.update(Math.floor((100 * done) / Math.max(1, total))),
  }).finally(() => reading.finish());

  const { limit = records.count, decode, workers } = flags;
  const line = progress({ label: "checking", unit: "records", total: Math.min(limit, records.count) });
  return checkData({
    records,
    settings,
    tokenizerFolder: plan.folder,
    limit,
    workers,
    ...(decode && { decode }),
    onProgress: (done) => line.update(done),
  }).finally(() => line.finish());
}

async function dataOf(recipe: RecipeKeys, set: Flags["set"]): Promise<DataFile[]> {
  if (set === "train") return recipe.data;
  if (recipe.evaluate !== undefined) return recipe.evaluate.data;
  const { UserError } = await import("../../../errors.js");
  throw new UserError("the recipe has no data to evaluate on", "Set evaluate.data, or leave --set out");
}
