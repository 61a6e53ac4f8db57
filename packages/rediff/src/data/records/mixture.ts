/** Mixtures: a YAML file that lists data files and how much of each is taken.
 *
 *      datasets:
 *        - json_path: llava.json
 *          sampling_strategy: first:10%
 *
 *  Strategies: all (default), first:N, end:N, random:N, where N is a number of records or a share of them in percent,
 *  rounded up. Departures from the reference: `random` is seeded, `end:0` takes none (there, all), percentages may have
 *  decimals, and a strategy or key that is not known is an error (there, it counts as `all`). */
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { readUtf8 } from "../../files/utf8-text.js";
import { parseYaml } from "../../options/yaml-text.js";
import { type Permute, withPermutations } from "./seeded-random.js";

export type Strategy =
  | { kind: "all" }
  | { kind: "first" | "end" | "random"; amount: number; unit: "records" | "percent" };

export interface MixtureEntry {
  /** As written, and where it lies if not relative to the working directory. */
  path: string;
  folder: string;
  strategy: Strategy;
}

const mixtureSchema = z.strictObject({
  datasets: z
    .array(z.strictObject({ json_path: z.string().min(1), sampling_strategy: z.string().default("all") }))
    .min(1),
});

export async function readMixture(file: string): Promise<MixtureEntry[]> {
  const text = await readUtf8(file, { expected: "a mixture of data files", most: 64 << 20 });
  const result = mixtureSchema.safeParse(parseYaml(text, file).value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(
      `${file}: ${[...(issue?.path ?? [])].join(".") || "top level"}: ${issue?.message ?? "unexpected content"}`,
      "Expected datasets: a list of json_path and sampling_strategy",
    );
  }
  return result.data.datasets.map(({ json_path, sampling_strategy }) => ({
    path: json_path,
    folder: dirname(file),
    strategy: parseStrategy(sampling_strategy, `${file}: `),
  }));
}

/** `where` begins the message about a strategy that is not known. */
export function parseStrategy(text: string, where = ""): Strategy {
  if (text === "all") return { kind: "all" };
  const match = /^(first|end|random):(\d+|\d+(?:\.\d+)?%)$/.exec(text);
  if (match === null) {
    throw new UserError(
      `${where}sampling_strategy is "${text}"; expected all, first:N, end:N or random:N`,
      "N is a number of records, or a percentage such as 10%",
    );
  }
  const amount = Number.parseFloat(match[2] ?? "");
  const unit = match[2]?.endsWith("%") ? "percent" : "records";
  if (unit === "percent" && amount > 100) {
    throw new UserError(`${where}sampling_strategy is "${text}"; a share is at most 100%`);
  }
  return { kind: match[1] as "first" | "end" | "random", amount, unit };
}

/** Which of `available` records a strategy takes: `count` from `first` on, or those in `chosen`. */
export interface Selection {
  first: number;
  count: number;
  chosen?: Uint32Array;
}

export function applyStrategy(strategy: Strategy, available: number, seed: bigint): Selection {
  if (strategy.kind === "all") return { first: 0, count: available };
  const wanted = strategy.unit === "percent" ? Math.ceil((strategy.amount * available) / 100) : strategy.amount;
  const count = Math.min(wanted, available);
  if (strategy.kind === "first") return { first: 0, count };
  if (strategy.kind === "end") return { first: available - count, count };
  const take = (permute: Permute) => Uint32Array.from(permute(available)).slice(0, count);
  return { first: 0, count, chosen: withPermutations(seed, take) };
}

/** Candidates for a path in a mixture: as the reference reads it, then beside the mixture. */
export function mixturePaths({ path, folder }: MixtureEntry): string[] {
  return isAbsolute(path) ? [path] : [path, join(folder, path)];
}
