/** `rediff data check RECIPE`: what training would make of the data, before a long run. Of a data file alone, with a
 *  recipe's defaults. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { Command, Option } from "commander";
import type { CheckReport } from "../../../data/checking/check-data.js";
import type { DataFile } from "../../../data/records/record-list.js";
import type { SampleSettings } from "../../../data/samples/build-sample.js";
import { embeddedModelFolder } from "../../../embedded.js";
import type { RecipeKeys } from "../../../training/recipe/recipe.js";
import { begin, exitStatus } from "../../exit-status.js";
import { assertThere } from "../../options/assert-there.js";
import { needTorch } from "../../options/load-engine.js";
import { whole } from "../../options/parse-values.js";
import { answerLine, noteLine } from "../../terminal/lines.js";
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

In place of a recipe, a data file can be named (.json, .jsonl, .tar, .parquet, a mixture, or several as {a,b}.json): it is
checked with a recipe's defaults. image_folder=DIR says where its pictures are (default: beside it), model=DIR whose
tokenizer counts its length (default: the embedded model's). A parquet file is checked as \`rediff data convert\` writes it.

Told beside faults: pictures under other keys than image, records without <image> markers, system texts, and keys that
seem to name pictures and are not read. docs/data.md has all keys.

Examples:
  $ rediff data check mine.jsonl image_folder=images
  $ rediff data check recipes/rediff/stage2.yaml data=mine.jsonl image_folder=images
  $ rediff data check recipes/llada-v/ov-2m.yaml --limit 10000 --decode
`;

export function dataCheckCommand(): Command {
  return new Command("check")
    .argument("<RECIPE|DATA>", "YAML file, or the data itself")
    .argument("[KEY=VALUE...]", "values in place of the recipe's")
    .description("check the data of a recipe, or a data file, before a long run")
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
  const { isData } = await import("../../../training/recipe/data-in-place.js");
  const report = isData(file) ? await checkFile(file, overrides, flags) : await checkRecipe(file, overrides, flags);
  if (flags.json) answerLine(JSON.stringify(report));
  else {
    const { formatCheckReport } = await import("../../../data/checking/check-report.js");
    answerLine(formatCheckReport(report));
  }
  if (report.bad > 0) process.exitCode = exitStatus.failed;
}

async function checkRecipe(file: string, overrides: string[], flags: Flags): Promise<CheckReport> {
  const { readRecipe } = await import("../../../training/recipe/recipe-file.js");
  const recipe = readRecipe(file, overrides);
  return check(recipe, flags);
}

/** Without a recipe: its defaults, and what is said behind the file. */
async function checkFile(file: string, overrides: string[], flags: Flags): Promise<CheckReport> {
  const [{ parseRecipe }, { parseOverride }] = await Promise.all([
    import("../../../training/recipe/recipe-file.js"),
    import("../../../training/recipe/overrides.js"),
  ]);
  const given = overrides.map(parseOverride);
  const isGiven = (key: string) => given.some(({ path }) => path.length === 1 && path[0] === key);
  const recipeOf = (data: string, folder?: string): RecipeKeys => {
    const keys = {
      model: isGiven("model") ? "" : embeddedModelFolder(),
      output: "none",
      data,
      ...(folder !== undefined && { image_folder: folder }),
    };
    return parseRecipe(JSON.stringify(keys), "a recipe's defaults", given);
  };
  if (!isGiven("model")) noteLine("lengths are counted with the embedded model's tokenizer (model=DIR names another)");
  if (extname(file).toLowerCase() !== ".parquet") {
    const recipe = recipeOf(file);
    return check(recipe, flags);
  }
  await assertThere(file);
  begin();
  const folder = await mkdtemp(join(tmpdir(), "rediff-check-"));
  try {
    const { convertRecords } = await import("../../../pipeline/prepare/convert-records.js");
    const [records, images] = [join(folder, "records.jsonl"), join(folder, "images")];
    const { pictures } = await convertRecords(file, records, { images });
    const recipe = recipeOf(records, isGiven("image_folder") ? undefined : pictures > 0 ? images : dirname(file));
    const report = await check(recipe, flags);
    noteLine(`training reads it after: rediff data convert ${file} records.jsonl --images images`);
    // Rows are told by the lines of the file that is gone.
    return JSON.parse(
      JSON.stringify(report).replaceAll(JSON.stringify(records).slice(1, -1), JSON.stringify(file).slice(1, -1)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function check(recipe: RecipeKeys, flags: Flags): Promise<CheckReport> {
  const data = await dataOf(recipe, flags.set);
  const [{ planModel }, { findFiles, openRecords }] = await Promise.all([
    import("../../../training/run/starting-model.js"),
    import("../../../data/records/record-list.js"),
  ]);
  const plan = await planModel(recipe);
  await findFiles(data);
  await needTorch();
  const { sampleSettings } = await import("../../../training/recipe/data-settings.js");
  const settings: SampleSettings = sampleSettings(recipe, plan.config);

  const { checkData } = await import("../../../data/checking/check-data.js");
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
