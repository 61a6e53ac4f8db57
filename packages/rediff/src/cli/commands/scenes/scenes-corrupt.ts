/** `rediff scenes corrupt`: captions with one planted error each, or two. */
import { Command, Option } from "commander";
import { type ErrorKind, errorKinds, usualErrors } from "../../../scenes/language/planted-error.js";
import { addDeriveOptions, type DeriveFlags, derive, FOREIGN } from "../../options/derived-records.js";

export function scenesCorruptCommand(): Command {
  return addDeriveOptions(new Command("corrupt"))
    .description("write captions with one planted error each, or two, and how to mend them")
    .addOption(
      new Option("--kinds <KIND...>", "drawn at random; none leaves a caption right")
        .choices([...errorKinds, "none"])
        .default([...usualErrors]),
    )
    .addOption(new Option("--errors <N>", "in each caption, of different kinds").choices(["1", "2"]).default("1"))
    .option("--foreign", FOREIGN)
    .action(async (flags: DeriveFlags & { kinds: (ErrorKind | "none")[]; errors: "1" | "2"; foreign?: true }) => {
      const { writeCorrupted } = await import("../../../scenes/records/derive-records.js");
      const { truth, output, seed, kinds, foreign = false } = flags;
      const errors = flags.errors === "2" ? 2 : 1;
      await derive({ truth, output }, (onProgress) =>
        writeCorrupted({ truth, output, seed, kinds, errors, foreign, onProgress }),
      );
    });
}
