/** Kernels' times in the cache folder, one file for each processor and libtorch. Who measures first decides for all: two
 *  processes that start together must not compute with different kernels. */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { torchVersion } from "@rediff/torch";
import { cacheRoot } from "@rediff/torch/setup";
import { z } from "zod";
import { readRegularSync } from "../../files/regular-file.js";
import { kernelsKey, processorText } from "./processor.js";

const ms = z.number().positive().max(1e6);
const products = z.object({ aten: ms, onednn: ms.optional() });
const bfloat16 = z.object({ native: ms, float32: ms });
const bfloat16Products = bfloat16.extend({ tiles: ms.optional() });

/** Another one when something else is measured under an old name; part of the file's name, too. */
const FORMAT = 5;

/** Milliseconds of one thread; what was measured is in kernel-times.ts. */
const timesSchema = z.object({
  format: z.literal(FORMAT),
  processor: z.string().max(1000),
  torch: z.string().max(100),
  measured: z.string().max(40),
  few: products,
  many: products,
  bfloat16: z.object({ few: bfloat16Products, some: bfloat16Products, many: bfloat16Products }),
  attention: z.object({ fused: ms, products: ms }),
  /** In bfloat16, many rows: attention, and silu(gate) * up. */
  bfloat16Attention: bfloat16,
  bfloat16Gate: z.object({ fused: ms, operators: ms }),
  /** By the clock, for numbers of threads. */
  threads: z.array(z.object({ threads: z.int().min(1).max(1024), ms })).max(8),
});

export type KernelTimes = z.infer<typeof timesSchema>;
export type MeasuredTimes = Omit<KernelTimes, "format" | "processor" | "torch" | "measured">;

const MOST_BYTES = 65_536;

export const timesPath = (): string => join(cacheRoot(), "kernels", `${kernelsKey(torchVersion)}-${FORMAT}.json`);

/** undefined where nothing was measured, or the file is none of ours. */
export function readTimes(path = timesPath()): KernelTimes | undefined {
  try {
    const text = readRegularSync(path, { expected: "a file of kernels' times", most: MOST_BYTES }).toString("utf8");
    return timesSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Keeps times, unless another process was faster.
 *  @param replace what is there already, too
 *  @returns those that hold from now on, and why they could not be kept where they were not */
export function keepTimes(
  times: MeasuredTimes,
  { path = timesPath(), replace = false }: { path?: string; replace?: boolean } = {},
): { times: KernelTimes; problem?: string } {
  const own: KernelTimes = {
    ...{ format: FORMAT, processor: processorText(), torch: torchVersion, measured: new Date().toISOString() },
    ...times,
  };
  const partial = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(partial, `${JSON.stringify(own, undefined, 1)}\n`);
    const earlier = replace ? undefined : firstToTake(partial, path);
    if (earlier !== undefined) return { times: earlier };
    renameSync(partial, path); // a second name of the same file goes; what is none of ours is replaced
    return { times: own };
  } catch (error) {
    return { times: own, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Gives the file its name if no other has it. @returns the times of who was first */
function firstToTake(partial: string, path: string): KernelTimes | undefined {
  try {
    linkSync(partial, path);
    return undefined;
  } catch {
    return readTimes(path); // or a file system without links: then the name is taken by renaming
  }
}
