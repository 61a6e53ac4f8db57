/** `rediff data ...`: what is done to data sets before and between training runs. */
import { Command } from "commander";
import { addCommands } from "../../options/command-group.js";
import { dataCheckCommand } from "./data-check.js";
import { dataConvertCommand } from "./data-convert.js";
import { dataCorrectCommand } from "./data-correct.js";
import { dataDraftCommand } from "./data-draft.js";
import { dataMixCommand } from "./data-mix.js";
import { dataPrepareCommand } from "./data-prepare.js";
import { dataSelectCommand } from "./data-select.js";
import { dataVicritCommand } from "./data-vicrit.js";

const HELP = `
Files of records are JSON, JSONL or parquet, by their names. Results appear when they are complete.

Examples:
  $ rediff data prepare llava-pretrain downloads/LLaVA-Pretrain --output data/llava_pretrain
  $ rediff data convert records.jsonl records.parquet
  $ rediff data mix --help
`;

export function dataCommand(): Command {
  const group = new Command("data")
    .description("prepare, convert, mix, select and check training data")
    .addHelpText("after", HELP);
  return addCommands(group, [
    dataPrepareCommand(),
    dataConvertCommand(),
    dataMixCommand(),
    dataVicritCommand(),
    dataDraftCommand(),
    dataCorrectCommand(),
    dataSelectCommand(),
    dataCheckCommand(),
  ]);
}
