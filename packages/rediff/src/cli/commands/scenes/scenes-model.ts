/** `rediff scenes model`: an untrained model for the world. */
import { Command } from "commander";
import { needTorch } from "../../options/load-engine.js";
import { given, whole } from "../../options/parse-values.js";
import { assertNoModel } from "../../options/writable.js";
import { answerLine } from "../../terminal/lines.js";

interface Flags {
  output: string;
  width?: number;
  layers?: number;
  size?: number;
  patch?: number;
  seed?: number;
}

export function scenesModelCommand(): Command {
  return new Command("model")
    .description("write an untrained model for the world, of a size that a laptop trains")
    .requiredOption("--output <DIR>", "model folder")
    .option("--width <N>", "of tower and language model, a multiple of 32 (default: 128)", whole(32))
    .option("--layers <N>", "of the language model, and of the tower (default: 4)", whole(1))
    .option("--size <PX>", "pixels along a side of a picture (default: 144)", whole(8))
    .option("--patch <PX>", "of a patch (default: 16)", whole(1))
    .option("--seed <S>", "same seed, same weights (default: 0)", whole(0))
    .action(async ({ output, ...flags }: Flags) => {
      assertNoModel(output);
      await needTorch();
      const { writeStartModel } = await import("../../../scenes/small-model/start-model.js");
      await writeStartModel(output, given(flags));
      answerLine(`${output}: an untrained model; train it with rediff train model=${output} ...`);
    });
}
