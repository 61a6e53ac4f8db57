/** sharding full: what `exchange.ts` says of others, for weights that are divided themselves. A step's gradients are summed
 *  as they come (lockstep.ts); what is left for its end are those that go by rows. */
import { type distributed, tensor } from "@rediff/torch";
import type { LateWeights } from "../../checkpoint/late-weights.js";
import { BLOCK_NAMES, NEWLINE } from "../../checkpoint/tensor-names.js";
import { unrounded } from "../../models/llada/llada.js";
import { fillGradients } from "../backward/micro-batch.js";
import { blockTensorName, namedTensors, type TrainableModel } from "../backward/parameters.js";
import type { Checkpointing } from "../backward/reverse.js";
import { DividedUnit, type UnitTensor } from "./divided-unit.js";
import { type Exchange, keepOwnRows } from "./exchange.js";
import { Lockstep, type WalkUnit } from "./lockstep.js";
import { sumRows } from "./row-union.js";

/** Divides a model, of which a process has one unit whole at a time; afterwards its tensors have their elements inside of
 *  `lockstep` only.
 *  @param late reads weights that are not there yet */
export function fullExchange(
  trainable: TrainableModel,
  group: distributed.ProcessGroup,
  checkpointing: Checkpointing,
  late?: LateWeights,
): Exchange & { lockstep: Lockstep } {
  const walk = divide(trainable, group, checkpointing, late);
  const units = walk.map(({ unit }) => unit);
  const shares = units.flatMap(({ owns }) => owns);
  const pieces = new Map(shares.map(({ source, piece }) => [source.name, piece]));
  const ownByName = new Map(units.flatMap(({ parameters }) => parameters.map((own) => [own.name, own] as const)));
  // In the parameters' order, as every other way has them.
  const own = trainable.parameters.flatMap(({ name }) => ownByName.get(name) ?? []);
  return {
    parameters: trainable.parameters,
    own,
    pieceOf: (name) => pieces.get(name),
    lockstep: new Lockstep(walk),
    weights: () =>
      shares.flatMap(({ source, view }) => (view === undefined ? [] : [{ name: source.name, weight: view }])),
    async sumGradients() {
      for (const { source, piece } of shares) {
        if (source.parameter?.rowwise !== true) continue;
        await sumRows(source.parameter, group);
        keepOwnRows({ whole: source.parameter, piece, own: ownByName.get(source.name) });
      }
      fillGradients(own); // of pictures, where there was none in the step
    },
    async norm(ofOwn) {
      using square = tensor([ofOwn * ofOwn], { dtype: "float64" });
      await group.allReduce(square).wait();
      return Math.sqrt(square.item());
    },
    spreadWeights: async () => undefined,
    [Symbol.dispose]() {
      for (const unit of units) unit[Symbol.dispose]();
    },
  };
}

/** vision encoder, table of tokens, blocks (the last one with the norm behind it), head */
function divide(
  { model, parameters, adapters }: TrainableModel,
  group: distributed.ProcessGroup,
  checkpointing: Checkpointing,
  late: LateWeights | undefined,
): WalkUnit[] {
  const named = namedTensors(model);
  const trained = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const sourceOf = (name: string): UnitTensor[] => {
    const found = named.find((one) => one.name === name);
    const own = found && { name, tensor: found.tensor, parameter: trained.get(name) };
    const adapter = adapters?.get(name);
    const pair = adapter === undefined ? [] : [adapter.down, adapter.up];
    return [
      ...(own === undefined ? [] : [own]),
      ...pair.map((parameter) => ({ name: parameter.name, tensor: parameter.weight, parameter })),
    ];
  };
  const isTrained = (sources: readonly UnitTensor[]) => sources.some(({ parameter }) => parameter !== undefined);

  const seeing = named
    .filter(({ name, part }) => part !== "language" || name === NEWLINE)
    .flatMap(({ name }) => sourceOf(name));
  const table = sourceOf("model.embed_tokens.weight");
  const head = sourceOf("lm_head.weight");
  const last = unrounded(model.llada).weights.blocks.length - 1;
  const blocks = Array.from({ length: last + 1 }, (_, layer) => [
    ...(Object.keys(BLOCK_NAMES) as (keyof typeof BLOCK_NAMES)[]).flatMap((key) =>
      sourceOf(blockTensorName(layer, key)),
    ),
    ...(layer === last ? sourceOf("model.norm.weight") : []),
  ]);
  // Below the first block with something to train nothing is differentiated, but for what lies before all blocks.
  const lowest = (pictures: boolean): number => {
    const first = (pictures && isTrained(seeing)) || isTrained(table) ? 0 : blocks.findIndex(isTrained);
    return first < 0 ? blocks.length : first;
  };
  const never = () => "none" as const;
  const weightsBack: "weights" | "gradients" = checkpointing === "blocks" ? "weights" : "gradients";
  const unit = (name: string, sources: readonly UnitTensor[]) => {
    late?.fill(sources.map(({ tensor }) => tensor));
    return new DividedUnit(name, sources, group);
  };

  return [
    ...(seeing.length === 0
      ? []
      : [
          {
            ...{ unit: unit("the vision encoder", seeing), sees: true, sumsForth: false },
            back: () => (isTrained(seeing) ? weightsBack : "none"),
          },
        ]),
    { unit: unit("the table of tokens", table), sees: false, back: never, sumsForth: false },
    ...blocks.map((sources, layer): WalkUnit => {
      // The last one's recording is kept from the way forth.
      const needs = layer === last ? "gradients" : weightsBack;
      const back = (pictures: boolean) => (layer < lowest(pictures) ? "none" : needs);
      return { unit: unit(`block ${layer}`, sources), sees: false, back, sumsForth: false };
    }),
    { unit: unit("the head", head), sees: false, back: never, sumsForth: isTrained(head) },
  ];
}
