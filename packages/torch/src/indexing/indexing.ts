/** Parts of a tensor by numbers, ranges and tensors, as Python's brackets have them.
 *
 *      x.at(0)               x[0]                    x.at("1:", null)       x[1:, None]
 *      x.at(-1, ":5")        x[-1, :5]               x.at(mask)             x[mask]
 *      x.at("...", "::2")    x[..., ::2]             x.at(":", [2, 0, 1])   x[:, [2, 0, 1]] */
import { fromBuffer } from "../create.js";
import {
  copy_,
  fill_,
  index as gather,
  indexPut_,
  newFull,
  select,
  slice,
  to,
  unsqueeze,
} from "../generated/ops.generated.js";
import { scope } from "../scope.js";
import { Tensor } from "../tensor.js";

/** For one dimension: a number takes a place and the dimension goes, `"first:end:step"` a range (each may be left out, and
 *  counts from the end below 0); `"..."` stands for all dimensions that are not named, null is a new one. A list of
 *  numbers, or a tensor of integers, picks places in its order; a bool tensor picks where it is true. */
export type Index = number | `${string}:${string}` | "..." | null | readonly number[] | Tensor;

/** The part of `x` that the indices name. Numbers, ranges and new dimensions give a view of the same memory; lists and
 *  tensors a copy.
 *  @throws when there are more indices than dimensions, a place is outside, or a range cannot be read */
export function at(x: Tensor, ...indices: Index[]): Tensor {
  return scope(() => {
    const { view, picks } = looked(x, indices, "at");
    return picks === undefined ? view.alias() : gather(view, picks);
  });
}

/** Writes into that part: a number, or a tensor that can be expanded to its shape. @returns x */
export function setAt_(x: Tensor, indices: readonly Index[], value: Tensor | number): Tensor {
  scope(() => {
    const { view, picks } = looked(x, indices, "setAt_");
    if (picks !== undefined) indexPut_(view, picks, typeof value === "number" ? numberLike(view, value) : value);
    else if (typeof value === "number") fill_(view, value);
    else copy_(view, value);
  });
  return x;
}

const numberLike = (x: Tensor, value: number): Tensor => newFull(x, [], value);

interface Looked {
  view: Tensor;
  /** Where a list or a tensor picks: by dimension of `view`. */
  picks: (Tensor | undefined)[] | undefined;
}

/** How many dimensions an index uses up. */
function dimensionsOf(index: Index): number {
  if (index === null || index === "...") return 0;
  return index instanceof Tensor && index.dtype === "bool" ? index.ndim : 1;
}

function looked(x: Tensor, indices: readonly Index[], caller: string): Looked {
  const used = indices.reduce<number>((sum, index) => sum + dimensionsOf(index), 0);
  const dots = indices.filter((index) => index === "...").length;
  if (dots > 1) throw new Error(`${caller}(): "..." may stand once`);
  if (used > x.ndim)
    throw new Error(
      `${caller}(): ${used} indices for a tensor of shape [${x.shape.join(", ")}], which has ${x.ndim} dimensions`,
    );
  let view = x;
  let dim = 0;
  let picks: (Tensor | undefined)[] | undefined;
  for (const index of indices) {
    if (index === "...") dim += x.ndim - used;
    else if (index === null) view = unsqueeze(view, dim++);
    else if (typeof index === "number") view = select(view, dim, place(index, view.size(dim), dim, caller));
    else if (typeof index === "string") {
      const { first, end, step } = range(index, caller);
      view = slice(view, dim++, first, end, step);
    } else {
      const tensor = index instanceof Tensor ? index : listed(index, view, dim, caller);
      picks ??= [];
      while (picks.length < dim) picks.push(undefined);
      picks.push(tensor);
      dim += dimensionsOf(index);
    }
  }
  return { view, picks };
}

function place(index: number, size: number, dim: number, caller: string): number {
  if (!Number.isInteger(index)) throw new Error(`${caller}(): ${index} is no place; give a whole number`);
  if (index < -size || index >= size)
    throw new Error(`${caller}(): place ${index} of dimension ${dim}, which has ${size}`);
  return index;
}

function listed(places: readonly number[], view: Tensor, dim: number, caller: string): Tensor {
  const size = view.size(dim);
  const ids = BigInt64Array.from(places, (index) => BigInt(place(index, size, dim, caller)));
  return to(fromBuffer(ids, [ids.length]), { device: view.device });
}

function range(text: string, caller: string): { first: number | undefined; end: number | undefined; step: number } {
  const parts = text.split(":").map((part) => part.trim());
  const [first = "", end = "", step = ""] = parts;
  if (parts.length > 3 || ![first, end, step].every((part) => part === "" || /^-?\d+$/.test(part)))
    throw new Error(`${caller}(): "${text}" is no range; write "first:end" or "first:end:step"`);
  if (step !== "" && Number(step) < 1) throw new Error(`${caller}(): steps of ${step}; backwards goes flip()`);
  const number = (part: string): number | undefined => (part === "" ? undefined : Number(part));
  return { first: number(first), end: number(end), step: number(step) ?? 1 };
}
