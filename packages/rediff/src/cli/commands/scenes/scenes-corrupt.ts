/** `rediff scenes corrupt`: captions with one planted error each. */
import { Command, Option } from "commander";
import { type ErrorKind, errorKinds, usualErrors } from "../../../scenes/language/planted-error.js";
import { addDeriveOptions, type DeriveFlags, derive } from "../../options/derived-records.js";

export function scenesCorruptCommand(): Command {
  return addDeriveOptions(new Command("corrupt"))
    .description("write captions with one planted error each, and how to mend it")
    .addOption(
      new Option("--kinds <KIND...>", "drawn at random; none leaves a caption right")
        .choices([...errorKinds, "none"])
        .default([...usualErrors]),
    )
    .action(async (flags: DeriveFlags & { kinds: (ErrorKind | "none")[] }) => {
      const { writeCorrupted } = await import("../../../scenes/records/derive-records.js");
      const { truth, output, seed, kinds } = flags;
      await derive({ truth, output }, (onProgress) => writeCorrupted({ truth, output, seed, kinds, onProgress }));
    });
}
