/** `rediff scenes generate`: pictures with a known truth. */

import { Command, Option } from "commander";
import type { SceneOptions } from "../../../scenes/records/generate-scenes.js";
import { makeWorld, styles, type World, type WorldName, worlds } from "../../../scenes/world/world.js";
import { begin } from "../../exit-status.js";
import { given, whole } from "../../options/parse-values.js";
import { listenForInterrupts } from "../../terminal/interrupts.js";
import { answerLine } from "../../terminal/lines.js";
import { progress } from "../../terminal/progress.js";

interface GenerateFlags {
  count: number;
  seed: number;
  first: number;
  style: SceneOptions["style"];
  split: SceneOptions["split"];
  size: number;
  world: WorldName;
  output: string;
  names?: number;
  grid?: number;
  maxObjects?: number;
  maxCount?: number;
  colors?: number;
  sizes?: boolean;
  textures?: boolean;
  wording?: World["wording"];
  json?: true;
}

export function scenesGenerateCommand(): Command {
  return new Command("generate")
    .description("make pictures and DIR/scenes.jsonl, which is training data and truth")
    .requiredOption("--count <N>", "scenes", whole(1))
    .option("--seed <S>", "same seed, same scenes", whole(0), 0)
    .requiredOption("--output <DIR>", "folder; a run that was cut off goes on where it stopped")
    .addOption(
      new Option("--style <STYLE>", "artwork: the styles of training, the one held out, all, or one by name")
        .choices(["train", "held-out", "all", ...styles])
        .default("train"),
    )
    .addOption(
      new Option("--split <SPLIT>", "combinations of names and places that training has, those it never has, or any")
        .choices(["train", "held-out", "any"])
        .default("train"),
    )
    .addOption(new Option("--world <PRESET>", "how rich").choices(Object.keys(worlds)).default("demo"))
    .option("--size <PX>", "pixels along a side, a multiple of 8", whole(32), 144)
    .option("--first <N>", "number of the first scene, to share out a set", whole(0), 0)
    .option("--names <N>", "object names instead of the preset's", whole(2))
    .option("--grid <N>", "cells along a side: 2 or 3", whole(2))
    .option("--max-objects <N>", "kinds of objects in a picture", whole(1))
    .option("--max-count <N>", "objects of a kind", whole(1))
    .option("--colors <N>", "colours of backgrounds", whole(1))
    .option("--sizes", "small and large objects")
    .option("--no-sizes", "sizes mean nothing")
    .option("--textures", "backgrounds with gradients, stripes, dots, noise")
    .option("--no-textures", "plain backgrounds")
    .addOption(new Option("--wording <W>", "few ways to say it, or many").choices(["plain", "free"]))
    .option("--json", "print one JSON line at the end")
    .action(generate);
}

async function generate(flags: GenerateFlags): Promise<void> {
  const { generateScenes } = await import("../../../scenes/records/generate-scenes.js");
  const { count, seed, first, style, split, size, output: folder } = flags;
  const { names, maxObjects, maxCount, colors, sizes, textures, wording } = flags;
  const grid = flags.grid as World["grid"] | undefined; // makeWorld judges it
  const world = makeWorld(
    flags.world,
    given({ names, grid, maxObjects, maxCount, colors, sizes, textures, wording }) as Partial<World>,
  );
  begin();
  using interrupt = listenForInterrupts();
  const started = performance.now();
  let bar = progress({ label: "scenes", total: count, unit: "scenes" });
  let begun = false;
  const onProgress = (done: number) => {
    if (!begun && done > 0) bar = progress({ label: "scenes", total: count, unit: "scenes", initial: done });
    begun = true;
    bar.update(done);
  };
  try {
    const options = { world, seed, split, style, size, count, first, folder };
    const { there } = await generateScenes({ ...options, onProgress, signal: interrupt.signal });
    bar.finish();
    const seconds = Math.round(performance.now() - started) / 1000;
    const made = Math.max(0, count - there);
    if (flags.json) answerLine(`${JSON.stringify({ output: folder, scenes: count, made, seconds })}`);
    else answerLine(`${folder}: ${count} scenes, ${made} of them new (${seconds} s)`);
  } finally {
    bar.finish();
  }
}
