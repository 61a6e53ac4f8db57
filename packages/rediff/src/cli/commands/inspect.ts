/** `rediff inspect MODEL`: what a checkpoint is, whether it is complete, and what of it fits this machine. */

import { Command, Option } from "commander";
import type { Inspection } from "../../checkpoint/inspect/inspection.js";
import { type ShapeName, shapeNames } from "../../checkpoint/inspect/named-shapes.js";
import { UserError } from "../../errors.js";
import { resolveModel } from "../../hub/resolve-model.js";
import type { ModelConfig } from "../../models/llava/llava.js";
import { begin, exitStatus } from "../exit-status.js";
import { needTorch, useThreads } from "../options/load-engine.js";
import { whole } from "../options/parse-values.js";
import { answerLine } from "../terminal/lines.js";

interface Flags extends FitFlags {
  base?: string;
  json?: true;
  tensors?: true;
  fit?: true;
  shape?: ShapeName;
}

interface FitFlags {
  promptTokens?: number;
  genLength: number;
  steps: number;
  threads?: number;
}

const HELP = `
Nothing but config.json, the tokenizer and the headers of the weight files is read. Of an adapter's folder: which base it
corrects, with which rank, and which modules; the base is looked at too. The exit status is 1 when something
is missing or does not fit, and every such thing is listed.

--fit says with which settings (dtype, rounded weights, batch) the model fits this machine's memory, and how fast each will
be: one layer of random weights at the model's proportions is measured, in seconds to half a minute. --shape does the same
for a model that is not here: ${shapeNames.join(", ")}.

--json prints one JSON line: kind (llada-original, llada, llada-v, siglip, adapter, unknown), complete, problems, parameters,
dtypes, files, config, vision, picture, tokenizer, memory, missing, unexpected, misshapen, with --tensors, tensors, and with
--fit, fit.

Examples:
  $ rediff inspect LLaDA-V
  $ rediff inspect GSAI-ML/LLaDA-V
  $ rediff inspect ReDiff-8B --fit
  $ rediff inspect --shape llada-v-8b --fit --gen-length 128 --steps 32
  $ rediff inspect ReDiff-8B --tensors | grep mm_projector
  $ rediff inspect exp/mine/adapter --base ReDiff-8B
`;

export function inspectCommand(): Command {
  return new Command("inspect")
    .description("show what a checkpoint is, whether it is complete, and what fits this machine")
    .argument("[MODEL]", "model or adapter folder, or the id of one that was pulled")
    .option("--base <DIR|HUB_ID>", "what an adapter corrects, in place of the model that it names")
    .option("--json", "print one JSON line")
    .option("--tensors", "list name, dtype, shape and file of every tensor as well")
    .option("--fit", "measure which settings fit this machine, and how fast they are")
    .addOption(new Option("--shape <NAME>", "with --fit: a known model in place of MODEL").choices(shapeNames))
    .option("--prompt-tokens <N>", "with --fit: tokens of a prompt with its picture (default a photograph's)", whole(1))
    .option("--gen-length <N>", "with --fit: tokens of an answer", whole(1), 128)
    .option("--steps <N>", "with --fit: forward passes of an answer", whole(1), 32)
    .option("--threads <N>", "with --fit: CPU threads; default one per core", whole(1))
    .addHelpText("after", HELP)
    .action(run);
}

async function run(model: string | undefined, flags: Flags): Promise<void> {
  if ((model === undefined) !== (flags.shape !== undefined))
    throw new UserError("inspect takes a model, or --shape with --fit", "`rediff inspect --help` has examples.");
  if (flags.shape !== undefined && !flags.fit)
    throw new UserError("--shape goes with --fit", "Add --fit, or give the folder of a model.");
  if (model === undefined) return fitShape(flags.shape as ShapeName, flags);
  const [{ inspectFolder }, { inspectionJson, inspectionText, tensorListText }] = await Promise.all([
    import("../../checkpoint/inspect/inspect-folder.js"),
    import("../../checkpoint/inspect/inspection-report.js"),
  ]);
  const folder = await resolveModel(model);
  begin();
  const inspection = await inspectFolder(folder, { base: flags.base });
  const tensors = flags.tensors === true;
  const fitted = flags.fit ? await fitInspected(inspection, flags) : undefined;
  if (flags.json)
    answerLine(JSON.stringify({ ...inspectionJson(inspection, { tensors }), ...(fitted && { fit: fitted.json }) }));
  else
    answerLine(
      [
        inspectionText(inspection),
        ...(tensors ? ["", tensorListText(inspection.tensors)] : []),
        ...(fitted ? ["", fitted.text] : []),
      ].join("\n"),
    );
  if (inspection.problems.length > 0) process.exitCode = exitStatus.failed;
}

async function fitShape(shape: ShapeName, flags: Flags): Promise<void> {
  const { namedShape } = await import("../../checkpoint/inspect/named-shapes.js");
  begin();
  // As it is published.
  const { json, text } = await fitted(namedShape(shape), flags, () => "bfloat16");
  answerLine(flags.json ? JSON.stringify({ shape, fit: json }) : text);
}

async function fitInspected({ config, tensors, folder }: Inspection, flags: Flags) {
  if (config === undefined)
    throw new UserError(
      `${folder} has no language model that could be measured`,
      "Use --fit with a LLaDA, LLaDA-V or ReDiff model.",
    );
  const dtypes = new Map(tensors.map(({ name, dtype }) => [name, dtype]));
  return fitted(config, flags, (name) => dtypes.get(name));
}

async function fitted(
  config: ModelConfig,
  { promptTokens, genLength, steps, threads }: FitFlags,
  stored: (name: string) => Inspection["tensors"][number]["dtype"] | undefined,
) {
  await needTorch();
  const [{ fitModel }, { fitJson, fitText }, { typicalPrompt }] = await Promise.all([
    import("../../checkpoint/inspect/fit.js"),
    import("../../checkpoint/inspect/fit-report.js"),
    import("../../checkpoint/inspect/inspect-folder.js"),
  ]);
  await useThreads(threads);
  const typical = typicalPrompt(config);
  const fit = fitModel(config, {
    ...typical,
    ...(promptTokens !== undefined && { promptTokens }),
    genLength,
    steps,
    stored,
  });
  return { json: fitJson(fit), text: fitText(fit) };
}
