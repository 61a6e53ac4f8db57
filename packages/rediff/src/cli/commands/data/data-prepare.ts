/** `rediff data prepare DATASET FOLDER`: a downloaded public data set to what the recipes ask for. */

import { Argument, Command } from "commander";
import { DATASETS } from "../../../pipeline/prepare/dataset-layouts.js";
import type { DatasetName, PreparedDataset, PrepareProgress } from "../../../pipeline/prepare/prepare.js";
import type { Survey } from "../../../pipeline/prepare/survey.js";
import { formatBytes } from "../../../units.js";
import { begin, exitStatus } from "../../exit-status.js";
import { assertThere } from "../../options/assert-there.js";
import { decimal } from "../../options/parse-values.js";
import { answerLine } from "../../terminal/lines.js";
import { type Progress, progress } from "../../terminal/progress.js";
import { counted } from "../../terminal/reason-counts.js";

interface Flags {
  output: string;
  only?: string[];
  skipBad?: true;
  maxRatio: number;
  check?: true;
  json?: true;
}

const HELP = `
Checks that FOLDER holds all of the data set, unpacks its archives to DIR/images and DIR/videos, writes its records to
DIR under the names that the recipes know, each checked for its pictures, and beside them a YAML file for a recipe's
data. Archives may be split into parts. Links, devices and names that lead out of DIR are never unpacked. A second run
goes on where the first one stopped.

Data sets, by their names on the Hugging Face hub:
  llava-pretrain     liuhaotian/LLaVA-Pretrain
  llava-next         lmms-lab/LLaVA-NeXT-Data, its raw format or its parquet files
  mammoth-vl         MAmmoTH-VL/MAmmoTH-VL-Instruct-12M: parts mammoth_si_10M and mammoth_ov_2M
  visualwebinstruct  TIGER-Lab/VisualWebInstruct

Examples:
  $ rediff data prepare llava-pretrain downloads/LLaVA-Pretrain --output data/llava_pretrain
  $ rediff data prepare mammoth-vl downloads/MAmmoTH-VL --check --output data/mammoth-vl
  $ rediff data prepare mammoth-vl downloads/MAmmoTH-VL --only mammoth_si_10M --skip-bad --output data/mammoth-vl
`;

export function dataPrepareCommand(): Command {
  return new Command("prepare")
    .description("check, unpack and convert a downloaded public data set")
    .addArgument(new Argument("<DATASET>", "which one").choices(DATASETS))
    .argument("<FOLDER>", "where it was downloaded to")
    .requiredOption("--output <DIR>", "folder for the result; may be FOLDER")
    .option("--only <PART...>", "of mammoth-vl: mammoth_si_10M, mammoth_ov_2M")
    .option("--check", "only say what is there and what is missing")
    .option("--skip-bad", "go on where something is missing, without the records that need it")
    .option("--max-ratio <N>", "largest size of an archive's content, in times its own", decimal, 100)
    .option("--json", "print one JSON line about the result")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(dataset: DatasetName, folder: string, flags: Flags): Promise<void> {
  const { surveyDataset, prepareDataset, downloadHint } = await import("../../../pipeline/prepare/prepare.js");
  await assertThere(folder);
  begin();
  if (flags.check) {
    const found = await surveyDataset(dataset, folder, flags.only);
    const isWhole = found.missing.length + found.unfinished.length === 0;
    answerLine(flags.json ? JSON.stringify(summary(dataset, found)) : surveyText(found));
    if (!isWhole && !flags.json) answerLine(downloadHint(dataset, folder));
    if (!isWhole) process.exitCode = exitStatus.failed;
    return;
  }
  const shown = progressPrinter();
  const prepared = await prepareDataset(dataset, folder, {
    output: flags.output,
    only: flags.only,
    skipBad: flags.skipBad,
    maxRatio: flags.maxRatio,
    onProgress: shown.update,
  }).finally(shown.finish);
  answerLine(flags.json ? JSON.stringify(prepared) : preparedText(prepared));
}

/** A line for the archives, then one for each file of records. */
function progressPrinter(): { update: (event: PrepareProgress) => void; finish: () => void } {
  let line: Progress | undefined;
  let label = "";
  return {
    update: ({ what, unit, done, total }) => {
      const wanted = unit === "B" ? "unpacking" : what;
      if (wanted !== label) {
        line?.finish();
        line = progress({ label: wanted, unit, total });
        label = wanted;
      }
      line?.update(done);
    },
    finish: () => line?.finish(),
  };
}

function summary(dataset: DatasetName, { found, missing, unfinished }: Survey): object {
  return {
    dataset,
    found: found.map(({ spec, files, media }) => ({
      output: spec.output,
      files,
      archives: media.flatMap(({ archives }) => archives.map(({ name, bytes }) => ({ name, bytes }))),
      folders: media.flatMap(({ folder }) => (folder === undefined ? [] : [folder])),
    })),
    missing,
    unfinished,
  };
}

function surveyText({ found, missing, unfinished }: Survey): string {
  const lines = found.flatMap(({ files, media }) => [
    `found    ${files[0]}${files.length > 1 ? ` and ${files.length - 1} more` : ""}`,
    ...media.flatMap(({ archives, folder }) => [
      ...(archives.length > 0
        ? [
            `found    ${counted(archives.length, "archive")}, ${formatBytes(archives.reduce((sum, { bytes }) => sum + bytes, 0))}`,
          ]
        : []),
      ...(folder === undefined ? [] : [`found    ${folder}, unpacked`]),
    ]),
  ]);
  const lacking = [
    ...missing.map((what) => `MISSING  ${what}`),
    ...unfinished.map((what) => `PARTIAL  ${what}: its download is not finished`),
  ];
  return [...new Set(lines), ...lacking].join("\n");
}

function preparedText({ archives, files, missing }: PreparedDataset): string {
  const written = archives.reduce((sum, archive) => sum + archive.files, 0);
  const bytes = archives.reduce((sum, archive) => sum + archive.bytes, 0);
  const present = archives.reduce((sum, archive) => sum + archive.present, 0);
  const special = archives.flatMap((archive) => archive.special);
  const lines = [
    ...(archives.length > 0
      ? [
          `${counted(archives.length, "archive")}: ${counted(written, "file")} unpacked (${formatBytes(bytes)}), ${present} were there`,
        ]
      : []),
    ...(special.length > 0 ? [`${special.length} members are no files and were left out, such as ${special[0]}`] : []),
    ...missing.map((what) => `MISSING  ${what}`),
  ];
  for (const file of files) {
    lines.push(
      `${file.data}: ${counted(file.records, "record")}${file.left_out > 0 ? `, ${file.left_out} left out` : ""}`,
    );
    lines.push(...file.notes.map((note) => `  ${note}`));
    lines.push(`  in a recipe: data=${file.mixture}${folderKeys(file)}`);
  }
  return lines.join("\n");
}

const folderKeys = ({ image_folder, video_folder }: PreparedDataset["files"][number]): string =>
  `${image_folder === undefined ? "" : ` image_folder=${image_folder}`}${video_folder === undefined ? "" : ` video_folder=${video_folder}`}`;
