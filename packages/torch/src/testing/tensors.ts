/** Tensors to write, and whether others are the same. */
import { expect } from "vitest";
import { DTYPES, Generator, ones, randint, randn, type Tensor, tensor, zeros } from "../index.js";

/** One tensor of every dtype, shapes of every kind, strides of no kind. */
export function everyKind(): Record<string, Tensor> {
  const generator = new Generator(1);
  const tensors: Record<string, Tensor> = {};
  for (const dtype of DTYPES) tensors[`of ${dtype}`] = randint(0, 2, [3, 5], generator).to({ dtype });
  tensors.transposed = randn([7, 4], generator).t();
  tensors.expanded = tensor([1, 2]).view([2, 1]).expand([2, 3]);
  tensors.scalar = tensor(3.5);
  tensors.empty = zeros([0, 4]);
  tensors['"quoted" \u00e9\n'] = ones([2], { dtype: "bfloat16" });
  return tensors;
}

export function expectSame(found: Tensor, wanted: Tensor): void {
  expect(found.dtype).toBe(wanted.dtype);
  expect(found.shape).toEqual(wanted.shape);
  expect(found.data(found.dtype)).toEqual(wanted.data(wanted.dtype));
}
