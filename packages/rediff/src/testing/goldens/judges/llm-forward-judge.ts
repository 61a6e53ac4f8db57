/** Golden groups llm_forward and misc: hidden states and logits of the language model, with and without masks, explicit
 *  positions, scaled rotary embeddings, dLLM-Cache, bfloat16; and detection of masks by their embedding. */
import { inferenceMode, scope, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { loadModelFolder } from "../../../checkpoint/load-model.js";
import { FeatureCache } from "../../../diffusion/cache/feature-cache.js";
import { PackedFeatures } from "../../../diffusion/cache/packed-features.js";
import { runChain } from "../../../models/chain.js";
import { embed, hiddenStates, type Llada, lladaStages, logits } from "../../../models/llada/llada.js";
import { dynamicTheta, Rotary } from "../../../models/llada/rotary.js";
import { additiveMask, conversationVisibility, type Visibility } from "../../../models/llada/visibility.js";
import { isMaskEmbedding } from "../../../training/backward/mask-embedding.js";
import { computing, type GoldenCase, type GoldenTensor, type Outcome } from "../golden-case.js";
import { everyFourth, goldenModel, recorded, Verdict } from "./recorded-tensors.js";

type Recorded = Map<string, GoldenTensor>;

export async function run(golden: GoldenCase): Promise<Outcome> {
  const model = await goldenModel(golden.checkpoint);
  const tensors = golden.tensors();
  const verdict = new Verdict(golden);
  const bfloat16 = tensors.has("out.logits_bf16_every4")
    ? (await loadModelFolder(golden.checkpoint, { device: computing.device, dtype: "bfloat16" })).llada
    : undefined;
  inferenceMode(() =>
    scope(() => {
      if (golden.referenceFunction.includes("register_cache")) compareCached(model.llada, golden, tensors, verdict);
      else if (golden.referenceFunction.includes("get_masked_indices")) compareMasks(tensors, verdict);
      else if (golden.referenceFunction.includes("RotaryEmbedding"))
        compareScaledRotary(model.llada, golden, tensors, verdict);
      else if (bfloat16 !== undefined) compareBfloat16(model.llada, bfloat16, tensors, verdict);
      else compareForward(model.llada, tensors, verdict);
    }),
  );
  return verdict.outcome();
}

interface Pass {
  positions?: readonly ArrayLike<number>[];
  visible?: Visibility;
  rotary?: Rotary;
  onHidden?: (layer: number, hidden: Tensor) => void;
}

const counting = (length: number): number[] => Array.from({ length }, (_, i) => i);

function forward(model: Llada, embeds: Tensor, pass: Pass = {}): Tensor {
  const { positions = [counting(embeds.size(1))], rotary = new Rotary(model.config), visible = {}, onHidden } = pass;
  const tables = rotary.tables(positions, embeds.dtype, embeds.device);
  const stages = lladaStages(model, { rotary: tables, visible });
  const hidden = runChain(stages, embeds, onHidden);
  onHidden?.(stages.length, hidden);
  return hidden;
}

function inputEmbeds(model: Llada, tensors: Recorded): Tensor {
  return tensors.has("in.inputs_embeds")
    ? recorded(tensors, "in.inputs_embeds")
    : embed(model, recorded(tensors, "in.input_ids"));
}

function compareLogits(name: string, actual: Tensor, tensors: Recorded, verdict: Verdict): void {
  verdict.tensor(name, actual, tensors.get(`out.${name}`));
  verdict.tensor(`${name}_every4`, everyFourth(actual), tensors.get(`out.${name}_every4`));
}

function compareForward(model: Llada, tensors: Recorded, verdict: Verdict): void {
  const embeds = inputEmbeds(model, tensors);
  const pass: Pass = {
    onHidden: (layer, hidden) => verdict.tensor(`hidden_${layer}`, hidden, tensors.get(`out.hidden_${layer}`)),
  };
  const padding = (name: string) => recorded(tensors, name).ne(0);
  const keys = (visible_BL: Tensor) => visible_BL.unsqueeze(1).unsqueeze(1);
  if (tensors.has("in.conversation_ids")) {
    const turns = recorded(tensors, "in.conversation_ids");
    const masked = (visible: Tensor) =>
      logits(model, forward(model, embeds, { visible: { mask: additiveMask(visible, embeds) } }));
    compareLogits("logits", masked(conversationVisibility(turns)), tensors, verdict);
    if (tensors.has("in.padding_mask"))
      compareLogits(
        "logits_padded",
        masked(conversationVisibility(turns).logicalAnd(keys(padding("in.padding_mask")))),
        tensors,
        verdict,
      );
    return;
  }
  if (tensors.has("in.attention_mask"))
    pass.visible = { mask: additiveMask(keys(padding("in.attention_mask")), embeds) };
  if (tensors.has("in.position_ids")) {
    const positions = recorded(tensors, "in.position_ids");
    pass.positions = positions.unbind(0).map((row) => row.toNumbers());
  }
  compareLogits("logits", logits(model, forward(model, embeds, pass)), tensors, verdict);
}

const cacheInputs = z.object({
  prompt_interval_steps: z.number(),
  gen_interval_steps: z.number(),
  transfer_ratio: z.number(),
  prompt_length: z.number(),
});

function compareCached(model: Llada, golden: GoldenCase, tensors: Recorded, verdict: Verdict): void {
  const inputs = cacheInputs.parse(golden.inputs);
  const passes = recorded(tensors, "in.inputs_embeds");
  const rows = passes.size(1);
  using cache = new FeatureCache(
    {
      promptInterval: inputs.prompt_interval_steps,
      genInterval: inputs.gen_interval_steps,
      transferRatio: inputs.transfer_ratio,
    },
    { promptLength: inputs.prompt_length, length: rows, layers: model.weights.blocks.length },
  );
  const tables = new Rotary(model.config).tables([counting(passes.size(1))], passes.dtype, passes.device);
  const all: number[] = [];
  const best: number[] = [];
  for (const embeds of passes.unbind(0)) {
    cache.begin();
    const sources = cache.layers.map((features) => new PackedFeatures([{ rows, features }]));
    const out = logits(model, hiddenStates(model, embeds.unsqueeze(0), { rotary: tables, sources }));
    all.push(...everyFourth(out).toNumbers());
    best.push(...out.argmax(-1).toNumbers());
    cache.done();
  }
  verdict.close("logits_per_step_every4", all, tensors.get("out.logits_per_step_every4")?.data ?? []);
  verdict.exact("argmax_per_step", best, tensors.get("out.argmax_per_step")?.data ?? []);
}

function compareMasks(tensors: Recorded, verdict: Verdict): void {
  const embeds = recorded(tensors, "in.embeds");
  const mask = recorded(tensors, "in.mask_embed");
  verdict.tensor("train", isMaskEmbedding(embeds, mask), tensors.get("out.train"));
  // While decoding the reference looks for masks by another tolerance; here they are known by their ids.
  verdict.tensor("gen", embeds.sub(mask).abs().lt(1e-5).all([-1]), tensors.get("out.gen"));
}

const ropeInputs = z.object({
  rope_scaling: z.object({ type: z.enum(["linear", "dynamic"]), factor: z.number() }),
  max_position_embeddings: z.number(),
});

/** A long input, then shorter ones with the same tables: dynamic scaling does not forget in the reference. */
function compareScaledRotary(model: Llada, golden: GoldenCase, tensors: Recorded, verdict: Verdict): void {
  const inputs = ropeInputs.parse(golden.inputs);
  const config = { ...model.config, ropeScaling: inputs.rope_scaling, maxPositions: inputs.max_position_embeddings };
  let rotary = new Rotary(config);
  const embeds = inputEmbeds(model, tensors);
  const outputs = [...tensors.keys()].filter((name) => /^out\.logits\d+/.test(name));
  const lengthOf = (name: string) => Number(/\d+/.exec(name)?.[0]);
  outputs.sort((a, b) => Number(a.includes("after")) - Number(b.includes("after")) || lengthOf(b) - lengthOf(a));
  for (const name of outputs) {
    const length = lengthOf(name);
    const { type, factor } = inputs.rope_scaling;
    if (type === "dynamic" && length > config.maxPositions)
      rotary = new Rotary({ ...config, ropeTheta: dynamicTheta(config, factor, length), ropeScaling: undefined });
    const out = logits(model, forward({ ...model, config }, embeds.narrow(1, 0, length), { rotary }));
    compareLogits(name.replace("out.", "").replace("_every4", ""), out, tensors, verdict);
  }
}

function compareBfloat16(model: Llada, narrow: Llada, tensors: Recorded, verdict: Verdict): void {
  compareLogits("logits_f32", logits(model, forward(model, inputEmbeds(model, tensors))), tensors, verdict);
  compareLogits("logits_bf16", logits(narrow, forward(narrow, inputEmbeds(narrow, tensors))), tensors, verdict);
}
