/** `rediff convert LLADA OUTPUT`: LLaDA's own naming to the renamed layout; with a vision tower, an untrained LLaDA-V; of an
 *  adapter, the model that it and its base are together. */

import type { DType, QuantizedGroup } from "@rediff/torch";
import { Command, InvalidArgumentError, Option } from "commander";
import type { AssembleOptions } from "../../checkpoint/convert/assemble-llada-v.js";
import type { Conversion, ConvertOptions } from "../../checkpoint/convert/rename-llada.js";
import { quantizedGroups } from "../../checkpoint/quantize/stored-format.js";
import { UserError } from "../../errors.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { type Quantization, quantizations } from "../../models/quantization.js";
import { formatBytes } from "../../units.js";
import { needTorch } from "../options/load-engine.js";
import { given, whole } from "../options/parse-values.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { answerLine, noteLine } from "../terminal/lines.js";
import { type Progress, progress } from "../terminal/progress.js";

interface Flags {
  quantize?: Quantization;
  groupSize?: QuantizedGroup;
  keepHead?: true;
  merge?: true;
  base?: string;
  vision?: string;
  projector?: string;
  projectorWeights?: string;
  seed?: number;
  dtype?: DType | "keep";
  aspectRatio?: string;
  mergeType?: string;
  gridTiles?: number;
  maxPositions?: number;
  maxShardSize?: number;
  force?: true;
  json?: true;
}

/** Options that mean something only when a LLaDA-V is assembled. */
const ASSEMBLY = [
  "projector",
  "projectorWeights",
  "seed",
  "dtype",
  "aspectRatio",
  "mergeType",
  "gridTiles",
  "maxPositions",
] as const;

const HELP = `
Without --vision: LLADA, a LLaDA-8B-Instruct as published, is written to OUTPUT under the Llama-style names that LLaDA-V
and the original's training code use. Numbers do not change. A tensor that would be dropped, is missing or does not fit
is an error, before anything is written.

With --vision: LLADA (either naming) and a SigLIP 2 become an untrained LLaDA-V, the start of training. Text model, pooling
head and last layer of the SigLIP are left out. The projector is fresh, or pretrained: --projector-weights takes a
safetensors file with model.mm_projector.* or the original's mm_projector.bin.

With --merge: LLADA is the folder of a LoRA adapter, PEFT's or our own. It is merged into its base, and OUTPUT is a model by
itself. W + (alpha / rank) B A is taken in float32 and rounded once, to the base's dtype.

With --quantize: LLADA is a LLaDA, LLaDA-V or ReDiff (either naming). The linear layers of its blocks are rounded to int8 or
int4 and its head to int8, in groups of inputs that are rotated and have scales of their own; all else is copied to the bit.
OUTPUT takes about a half or a third of bfloat16's room, is the faster on the CPU, cannot be trained, and answers approximately: docs/quantize.md.
float8 is for NVIDIA's GPUs of compute capability 8.9 and newer, takes a half, and leaves the head as it is.

OUTPUT appears when it is complete; after Ctrl-C, which is heard between two tensors, nothing of it stays. Memory holds one
tensor at a time.

Examples:
  $ rediff convert GSAI-ML/LLaDA-8B-Instruct LLaDA-8B-renamed
  $ rediff convert GSAI-ML/LLaDA-8B-Instruct LLaDA-V-start --vision google/siglip2-so400m-patch14-384
  $ rediff convert LLaDA-8B-renamed stage2-start --vision siglip2 --projector-weights mm_projector.bin
  $ rediff convert --merge exp/mine/adapter exp/merged
  $ rediff convert --quantize int8 ReDiff-8B ReDiff-8B-int8
`;

export function convertCommand(): Command {
  return new Command("convert")
    .description(
      "rename LLaDA's tensors, put LLaDA and SigLIP together to an untrained LLaDA-V, merge an adapter, or round weights",
    )
    .argument("<LLADA>", "folder, or the id of a model that was pulled; with --merge an adapter's")
    .argument("<OUTPUT>", "folder to write")
    .option("--merge", "merge an adapter into its base")
    .option("--base <DIR|HUB_ID>", "with --merge: what the adapter corrects, in place of the model that it names")
    .addOption(
      new Option(
        "--quantize <BITS>",
        "round the blocks' weights and the head: less memory, faster, approximate; float8 is for GPUs",
      ).choices([...quantizations]),
    )
    .addOption(
      new Option("--group-size <N>", "with --quantize: inputs that share a scale (default 128)")
        .choices(quantizedGroups.map(String))
        .argParser(groupSize),
    )
    .option("--keep-head", "with --quantize: leave the head as it is (0.5 GB of an 8B model, and slower)")
    .option("--vision <DIR|HUB_ID>", "SigLIP 2 to assemble a LLaDA-V with")
    .option("--projector <TYPE>", "linear or mlpNx_gelu (default mlp2x_gelu)")
    .option("--projector-weights <FILE>", "pretrained projector instead of a fresh one")
    .option("--seed <N>", "of a fresh projector (default 42)", whole(0))
    .addOption(
      new Option("--dtype <T>", "default that of LLADA; keep leaves each part as it is").choices([
        "bfloat16",
        "float16",
        "float32",
        "keep",
      ]),
    )
    .option("--aspect-ratio <MODE>", "anyres_max_K, anyres, pad or square (default anyres_max_4)")
    .option("--merge-type <TYPE>", "flat, spatial, spatial_unpad, ... (default spatial_unpad)")
    .option("--grid-tiles <N>", "pictures take up to NxN tiles (default 6)", whole(1))
    .option("--max-positions <N>", "tokens that a prompt and its answer may have (default at least 16384)", whole(1))
    .option("--max-shard-size <SIZE>", "of a weight file, such as 5GB or 500MB (default 5GB)", byteSize)
    .option("--force", "replace the model in OUTPUT; other files there stay")
    .option("--json", "print one JSON line about the result")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(llada: string, output: string, flags: Flags): Promise<void> {
  const source = await resolveModel(llada);
  let shown: Progress | undefined;
  const onProgress = (bytes: number, total: number) => {
    shown ??= progress({ label: output, unit: "B", total });
    shown.update(bytes);
  };
  using interrupt = listenForInterrupts();
  const { signal } = interrupt;
  const options: ConvertOptions = { force: flags.force, maxShardBytes: flags.maxShardSize, onProgress, signal };
  let result: Conversion;
  try {
    result = await convert(source, output, flags, options);
  } finally {
    shown?.finish();
  }
  report(result, flags);
}

async function convert(source: string, output: string, flags: Flags, common: ConvertOptions): Promise<Conversion> {
  const { vision, merge, base, quantize, groupSize: group, keepHead } = flags;
  const ofRounding = (["groupSize", "keepHead"] as const).find((name) => flags[name] !== undefined);
  if (ofRounding !== undefined && quantize === undefined)
    throw new UserError(
      `--${dashed(ofRounding)} is about rounding, and there is no --quantize`,
      "Add --quantize int8 or int4.",
    );
  if (quantize !== undefined) {
    const needless = (["merge", "base", "vision", ...ASSEMBLY] as const).find((name) => flags[name] !== undefined);
    if (needless !== undefined)
      throw new UserError(
        `--${dashed(needless)} and --quantize do not go together`,
        "Convert first, then round the result.",
      );
    await needTorch();
    const { quantizeModel } = await import("../../checkpoint/quantize/quantize-model.js");
    return quantizeModel(source, output, {
      ...common,
      weights: quantize,
      ...given({ group, head: keepHead && false }),
    });
  }
  if (base !== undefined && !merge)
    throw new UserError("--base is about an adapter, and there is no --merge", "Add --merge, or leave --base out.");
  if (merge) {
    const needless = (["vision", ...ASSEMBLY] as const).find((name) => flags[name] !== undefined);
    if (needless !== undefined)
      throw new UserError(`--${dashed(needless)} and --merge do not go together`, "Convert first, then merge.");
    await needTorch();
    const { mergeAdapter } = await import("../../checkpoint/convert/merge-adapter.js");
    return mergeAdapter(source, output, { ...common, base });
  }
  if (vision === undefined) {
    const needless = ASSEMBLY.find((name) => flags[name] !== undefined);
    if (needless !== undefined)
      throw new UserError(
        `--${dashed(needless)} is about assembling a LLaDA-V, and there is no --vision`,
        "Add --vision SIGLIP, or leave it out to rename LLaDA only.",
      );
    await needTorch();
    const { renameLlada } = await import("../../checkpoint/convert/rename-llada.js");
    return renameLlada(source, output, common);
  }
  const folder = await resolveModel(vision);
  await needTorch();
  const { assembleLladaV } = await import("../../checkpoint/convert/assemble-llada-v.js");
  const settings = given(Object.fromEntries(ASSEMBLY.map((name) => [name, flags[name]]))) as Partial<AssembleOptions>;
  return assembleLladaV(source, output, { ...common, ...settings, vision: folder, visionName: vision });
}

function report(result: Conversion, flags: Flags): void {
  for (const note of result.notes) noteLine(note);
  const { output, tensors, bytes, parameters, notes } = result;
  const answer = flags.json ? JSON.stringify({ output, tensors, bytes, parameters, notes }) : output;
  if (!flags.json)
    noteLine(`${tensors} tensors, ${parameters.toLocaleString("en-US")} parameters, ${formatBytes(bytes)}`);
  answerLine(answer);
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function groupSize(text: string): QuantizedGroup {
  const group = quantizedGroups.find((size) => String(size) === text);
  if (group !== undefined) return group;
  throw new InvalidArgumentError(`Allowed choices are ${quantizedGroups.join(", ")}.`);
}

/** Decimal units, as Hugging Face's tools count. */
function byteSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kMG]?)B?$/i.exec(text.trim());
  const factor = { "": 1, k: 1e3, m: 1e6, g: 1e9 }[match?.[2]?.toLowerCase() ?? ""] ?? 1;
  const bytes = Math.floor(Number(match?.[1]) * factor);
  if (bytes >= 1) return bytes;
  throw new InvalidArgumentError("It must be a size such as 5GB or 500MB.");
}
