/** `rediff inspect MODEL`: what a checkpoint is, and whether it is complete. */

import { Command } from "commander";
import { resolveModel } from "../../hub/resolve-model.js";
import { begin, exitStatus } from "../exit-status.js";
import { answerLine } from "../terminal/lines.js";

interface Flags {
  base?: string;
  json?: true;
  tensors?: true;
}

const HELP = `
Nothing but config.json, the tokenizer and the headers of the weight files is read. Of an adapter's folder: which base it
corrects, with which rank, and which modules; the base is looked at too. The exit status is 1 when something
is missing or does not fit, and every such thing is listed.

--json prints one JSON line: kind (llada-original, llada, llada-v, siglip, adapter, unknown), complete, problems, parameters,
dtypes, files, config, vision, picture, tokenizer, memory, missing, unexpected, misshapen, and with --tensors, tensors.

Examples:
  $ rediff inspect LLaDA-V
  $ rediff inspect GSAI-ML/LLaDA-V
  $ rediff inspect ReDiff-8B --tensors | grep mm_projector
  $ rediff inspect exp/mine/adapter --base ReDiff-8B
`;

export function inspectCommand(): Command {
  return new Command("inspect")
    .description("show what a checkpoint is and whether it is complete")
    .argument("<MODEL>", "model or adapter folder, or the id of one that was pulled")
    .option("--base <DIR|HUB_ID>", "what an adapter corrects, in place of the model that it names")
    .option("--json", "print one JSON line")
    .option("--tensors", "list name, dtype, shape and file of every tensor as well")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(model: string, flags: Flags): Promise<void> {
  const [{ inspectFolder }, { inspectionJson, inspectionText, tensorListText }] = await Promise.all([
    import("../../checkpoint/inspect/inspect-folder.js"),
    import("../../checkpoint/inspect/inspection-report.js"),
  ]);
  const folder = await resolveModel(model);
  begin();
  const inspection = await inspectFolder(folder, { base: flags.base });
  const tensors = flags.tensors === true;
  if (flags.json) answerLine(`${JSON.stringify(inspectionJson(inspection, { tensors }))}`);
  else
    answerLine([inspectionText(inspection), ...(tensors ? ["", tensorListText(inspection.tensors)] : [])].join("\n"));
  if (inspection.problems.length > 0) process.exitCode = exitStatus.failed;
}
