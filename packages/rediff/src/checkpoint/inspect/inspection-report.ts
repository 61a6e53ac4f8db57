/** An inspection for people, and as JSON with the reference's key names. */

import type { SiglipConfig } from "../../models/siglip/siglip.js";
import { patchesPerSide } from "../../models/siglip/siglip.js";
import { availableMemory, gib } from "../memory.js";
import type { AdapterSummary, CheckpointKind, Inspection, ListedTensor } from "./inspection.js";

const KINDS: Record<CheckpointKind, string> = {
  "llada-original": "LLaDA, text only, in its original naming (`rediff convert` renames it)",
  llada: "LLaDA, text only",
  "llada-v": "LLaDA-V or ReDiff",
  siglip: "SigLIP, stand-alone (`rediff convert --vision` takes it)",
  adapter: "low-rank adapter (LoRA), merged into its base when it is loaded",
  unknown: "unknown",
};

const count = (n: number): string => n.toLocaleString("en-US");
const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

export function inspectionText(i: Inspection): string {
  const rows: [string, string][] = [
    ["kind", KINDS[i.kind]],
    ["folder", i.folder],
    ...adapterRows(i),
    ["weights", weightsText(i)],
    ["parameters", parametersText(i)],
    ...roundedRows(i),
  ];
  const { config, vision, picture, tokenizer } = i;
  if (config) {
    const { llada, multimodal } = config;
    const heads = llada.kvHeads === llada.heads ? `${llada.heads} heads` : `${llada.heads} heads (${llada.kvHeads} kv)`;
    rows.push([
      "language",
      `${plural(llada.layers, "layer")}, width ${llada.hiddenSize}, ${heads}, feed-forward ${llada.intermediateSize}, ` +
        `vocabulary ${count(llada.vocabSize)}, ${count(llada.maxPositions)} positions`,
    ]);
    if (vision) rows.push(["vision", visionText(vision)]);
    if (multimodal) {
      const size = picture ? `; ${picture.width}x${picture.height} is ${plural(picture.tiles, "tile")}` : "";
      const tokens = picture ? `, ${plural(picture.tokens, "token")}` : "";
      const { imageAspectRatio, patchMergeType, projectorType, newlinePosition } = multimodal;
      rows.push(["pictures", `${imageAspectRatio}, ${patchMergeType}, ${projectorType}${size}${tokens}`]);
      rows.push(["videos", `newline ${newlinePosition}, pooling ${multimodal.spatialPoolMode}`]);
    }
  } else if (vision) rows.push(["vision", visionText(vision)]);
  if (tokenizer)
    rows.push([
      "tokenizer",
      `${plural(tokenizer.length, "token")}, mask ${tokenizer.maskId}, end of turn ${tokenizer.eotId}, ` +
        `${tokenizer.chatTemplate ? "chat template" : "no chat template"}`,
    ]);
  for (const [dtype, need] of Object.entries(i.memory))
    rows.push([
      "memory",
      `${dtype}: ${gib(need.weights)} of weights, about ${gib(need.weights + need.activations)} in use`,
    ]);
  if (config) rows.push(["", `${gib(availableMemory())} are available here`]);
  for (const note of i.notes) rows.push(["note", note]);
  if (i.problems.length === 0) rows.push(["complete", "yes"]);
  for (const [index, problem] of i.problems.entries()) rows.push([index === 0 ? "PROBLEMS" : "", problem]);
  return rows.map(([label, text]) => `${label.padEnd(12)}${text}`.trimEnd()).join("\n");
}

function roundedRows({ config }: Inspection): [string, string][] {
  const scheme = config?.quantization;
  if (scheme === undefined) return [];
  const head = scheme.head ? ", head in int8" : "";
  const scales = scheme.group === undefined ? "a scale for each output" : `groups of ${scheme.group} inputs, rotated`;
  const how = `blocks in ${scheme.weights}${head}, ${scales}; answers are approximate`;
  return [["rounded", how]];
}

function adapterRows({ adapter }: Inspection): [string, string][] {
  if (adapter === undefined) return [];
  const { base = "names none", baseFolder, rank, alpha, rslora, modules, replaced } = adapter;
  const list = Object.entries(modules).map(([name, n]) => `${name} (${n})`);
  const rows: [string, string][] = [
    ["base", baseFolder === undefined || baseFolder === base ? base : `${base} (${baseFolder})`],
    ["rank", `${rank}, alpha ${alpha}${rslora ? ", over the root of the rank" : ""}`],
  ];
  if (list.length > 0) rows.push(["corrects", list.join(", ")]);
  if (replaced.length > 0) rows.push(["replaces", `${plural(replaced.length, "tensor")}: ${someOf(replaced)}`]);
  return rows;
}

const someOf = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

function weightsText({ files, bytes, dtypes }: Inspection): string {
  if (files.length === 0) return "none";
  const names = files.length === 1 ? (files[0]?.name ?? "") : plural(files.length, "file");
  return [names, gib(bytes), Object.keys(dtypes).join(" and ")].filter(Boolean).join(", ");
}

function parametersText({ parameters }: Inspection): string {
  const { total, ...parts } = parameters;
  const named = Object.entries(parts).filter(([, n]) => n > 0);
  const list = named.map(([part, n]) => `${part} ${count(n)}`).join(", ");
  return named.length > 1 ? `${count(total)}: ${list}` : count(total);
}

function visionText(c: SiglipConfig): string {
  const side = patchesPerSide(c);
  return (
    `${c.layers} layers (the last is not used), width ${c.hiddenSize}, ${c.heads} heads, feed-forward ` +
    `${c.intermediateSize}, tiles of ${c.imageSize} px as ${side}x${side} patches of ${c.patchSize}`
  );
}

export function tensorListText(tensors: readonly ListedTensor[]): string {
  return tensors.map(({ name, dtype, shape, file }) => `${name}\t${dtype}\t[${shape.join(", ")}]\t${file}`).join("\n");
}

function adapterJson({ base, baseFolder, rank, alpha, rslora, modules, replaced }: AdapterSummary) {
  return { base, base_folder: baseFolder, rank, alpha, use_rslora: rslora, modules, replaced };
}

/** Keys as in config.json and the other commands' output. */
export function inspectionJson(i: Inspection, { tensors = false } = {}): Record<string, unknown> {
  const { config, vision, picture, tokenizer } = i;
  return {
    folder: i.folder,
    kind: i.kind,
    ...(i.adapter && { adapter: adapterJson(i.adapter) }),
    complete: i.problems.length === 0,
    problems: i.problems,
    notes: i.notes,
    parameters: i.parameters,
    dtypes: i.dtypes,
    files: i.files,
    bytes: i.bytes,
    config: config && {
      model_type: config.modelType,
      hidden_size: config.llada.hiddenSize,
      intermediate_size: config.llada.intermediateSize,
      num_hidden_layers: config.llada.layers,
      num_attention_heads: config.llada.heads,
      num_key_value_heads: config.llada.kvHeads,
      vocab_size: config.llada.vocabSize,
      max_position_embeddings: config.llada.maxPositions,
      ...(config.quantization && {
        quantize: { weights: config.quantization.weights, group_size: config.quantization.group ?? null },
      }),
      ...(config.multimodal && {
        mm_projector_type: config.multimodal.projectorType,
        mm_patch_merge_type: config.multimodal.patchMergeType,
        image_aspect_ratio: config.multimodal.imageAspectRatio,
        mm_newline_position: config.multimodal.newlinePosition,
      }),
    },
    vision: vision && {
      hidden_size: vision.hiddenSize,
      intermediate_size: vision.intermediateSize,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
      patches: patchesPerSide(vision) ** 2,
    },
    picture,
    tokenizer: tokenizer && {
      length: tokenizer.length,
      mask_id: tokenizer.maskId,
      bos_id: tokenizer.bosId,
      eos_id: tokenizer.eosId,
      eot_id: tokenizer.eotId,
      chat_template: tokenizer.chatTemplate,
    },
    memory: i.memory,
    ...i.comparison,
    ...(tensors && { tensors: i.tensors }),
  };
}
