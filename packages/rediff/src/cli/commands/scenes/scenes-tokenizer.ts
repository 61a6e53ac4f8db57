/** `rediff scenes tokenizer`: the world's tokenizer, one token for each word. */

import { Command } from "commander";
import { begin } from "../../exit-status.js";
import { answerLine } from "../../terminal/lines.js";

export function scenesTokenizerCommand(): Command {
  return new Command("tokenizer")
    .description("write the world's tokenizer: one token for each word")
    .requiredOption("--output <DIR>", "model folder")
    .action(async ({ output }: { output: string }) => {
      const { writeSceneTokenizer } = await import("../../../scenes/small-model/tokenizer-folder.js");
      begin();
      const { words, length } = writeSceneTokenizer(output);
      answerLine(`${output}: ${length} tokens, ${words} of them words`);
    });
}
