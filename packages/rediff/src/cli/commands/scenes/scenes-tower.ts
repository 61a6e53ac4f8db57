/** `rediff scenes tower`: trains the vision tower of an untrained model, or that of a trained one to see other artwork. */
import { Command, Option } from "commander";
import { makeWorld, type WorldName, worlds } from "../../../scenes/world/world.js";
import { needTorch } from "../../options/load-engine.js";
import { decimal, whole } from "../../options/parse-values.js";
import { assertNoModel } from "../../options/writable.js";
import { answerLine, noteLine } from "../../terminal/lines.js";

interface Flags {
  model: string;
  output: string;
  world: WorldName;
  updates: number;
  batch: number;
  learningRate: number;
  seed: number;
  threads?: number;
  varied: boolean;
}

export function scenesTowerCommand(): Command {
  return new Command("tower")
    .description("train the vision tower of an untrained model: what is on each patch, and where the patch is")
    .requiredOption("--model <DIR>", "model folder with an untrained tower; with --varied, a trained one")
    .requiredOption("--output <DIR>", "model folder to be made")
    .addOption(
      new Option("--world <PRESET>", "of the scenes, which are drawn anew for every update")
        .choices(Object.keys(worlds))
        .default("demo"),
    )
    .option("--varied", "teach a trained tower to see varied artwork as it sees the artwork itself", false)
    .option("--updates <N>", "of the weights", whole(1), 1500)
    .option("--batch <N>", "pictures of an update", whole(1), 32)
    .option("--learning-rate <R>", "at its height", decimal, 2e-3)
    .option("--seed <S>", "same seed, same scenes", whole(0), 0)
    .option("--threads <N>", "CPU threads of one operator", whole(1))
    .action(async ({ model, output, world, threads, varied, ...flags }: Flags) => {
      assertNoModel(output);
      await needTorch();
      const [{ trainTowerOf }, { setThreads }] = await Promise.all([
        import("../../../scenes/small-model/tower-model.js"),
        import("@rediff/torch"),
      ]);
      if (threads !== undefined) setThreads(threads);
      const started = performance.now();
      const tell = ({ update, loss }: { update: number; loss: number }, learnt: string) => {
        if (update % 50 !== 0 && update !== flags.updates) return;
        const speed = (update * flags.batch) / ((performance.now() - started) / 1000);
        noteLine(
          `update ${update} of ${flags.updates}  loss ${loss.toFixed(4)}  ${learnt}  ${speed.toFixed(0)} pictures/s`,
        );
      };
      const options = { ...flags, world: makeWorld(world) };
      await trainTowerOf(
        model,
        output,
        varied
          ? {
              goal: "see varied artwork",
              ...options,
              onUpdate: (report) =>
                tell(report, `error ${report.plain.toFixed(4)} as drawn, ${report.varied.toFixed(4)} varied`),
            }
          : {
              goal: "name patches",
              ...options,
              onUpdate: (report) =>
                tell(report, `${(100 * report.accuracy).toFixed(1)} % of the patches with an object named rightly`),
            },
      );
      answerLine(
        varied
          ? `${output}: the model with a tower that has seen varied artwork`
          : `${output}: a model with a trained tower`,
      );
    });
}
