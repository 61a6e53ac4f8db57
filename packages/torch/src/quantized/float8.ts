/** Linear layers with weights in float8, by libtorch's own product, for GPUs that have one (NVIDIA's of compute capability 8.9
 *  and newer). For inference. O outputs, I inputs; in memory both are multiples of 16, as a GPU's kernels want them.
 *
 *  Every output of a weight has a scale, and every row that is multiplied with it, such that the largest value becomes 448,
 *  float8's largest. Rows are rounded as they come. Nothing is rotated: the exponent spans what outliers there are, and
 *  measured errors were larger with rotation than without (docs/quantize.md). */
import { isRecording } from "../autograd.js";
import { call } from "../call.js";
import { ones, zeros } from "../create.js";
import { type Device, refusalOf, requireDevice, UnsupportedError } from "../device.js";
import type { DType } from "../dtype.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

const FORMAT = "float8_e4m3fn" satisfies DType;

/** The largest value of the format, which has no infinities. */
const MOST = 448;

/** Scales are not smaller: rows of zeros have one too, and values below 1e-30 are zeros. */
const LEAST_SCALE = 2 ** -100;

const ALIGNED = 16;
const aligned = (n: number): number => Math.ceil(n / ALIGNED) * ALIGNED;

/** How a weight [O, I] is laid out in memory and in files. */
export function float8Shapes([outputs, inputs]: readonly [outputs: number, inputs: number]) {
  return {
    /** [O, I], both rounded up to multiples of 16. */
    packed: { dtype: FORMAT as DType, shape: [aligned(outputs), aligned(inputs)] },
    /** [O], rounded up alike. */
    scales: { dtype: "float32" as DType, shape: [aligned(outputs)] },
  };
}

/** A weight [O, I]: value = number x scale of its output. Owns its tensors. */
export class Float8Weight implements Disposable {
  /** Tells it from a `QuantizedWeight`, which has all that it has. */
  readonly kind = "float8";
  readonly packed: Tensor;
  readonly scales: Tensor;
  readonly outputs: number;
  readonly inputs: number;

  /** @throws for tensors that are not laid out as `float8Shapes` says */
  constructor(packed: Tensor, scales: Tensor, [outputs, inputs]: readonly [outputs: number, inputs: number]) {
    const wanted = float8Shapes([outputs, inputs]);
    for (const [tensor, { dtype, shape }] of [[packed, wanted.packed] as const, [scales, wanted.scales] as const])
      if (tensor.dtype !== dtype || tensor.shape.join() !== shape.join())
        throw new Error(
          `a float8 weight [${outputs}, ${inputs}] has a ${dtype} [${shape.join(", ")}], got ${tensor.dtype} [${tensor.shape.join(", ")}]`,
        );
    this.packed = packed;
    this.scales = scales;
    this.outputs = outputs;
    this.inputs = inputs;
  }

  get shape(): [outputs: number, inputs: number] {
    return [this.outputs, this.inputs];
  }

  /** On another device; the caller owns it. @throws where the device multiplies no float8 */
  to(device: Device): Float8Weight {
    requireFloat8(device);
    const moved = (tensor: Tensor) => tensor.to({ device, copy: true });
    return new Float8Weight(moved(this.packed), moved(this.scales), this.shape);
  }

  [Symbol.dispose](): void {
    this.packed.dispose();
    this.scales.dispose();
  }
}

/** Rounds to float8_e4m3fn. What is beyond its largest value, infinity too, becomes that; NaN stays NaN. (libtorch's own
 *  cast makes NaN of it in some versions.) */
export function toFloat8(x: Tensor): Tensor {
  return scope(() => x.clamp(-MOST, MOST).to({ dtype: FORMAT }));
}

/** Rows [R, I] as float8 [R, I] and float32 scales [R, 1]. Of few operators: on a GPU each is a launch, for every product. */
function roundRows(x: Tensor): Rounded {
  const largest = call("aten::linalg_vector_norm", x, Number.POSITIVE_INFINITY, [1], true, "float32") as Tensor;
  const scales = largest.div_(MOST).clamp_(LEAST_SCALE);
  // In float32, whatever x is, and by no more than its rounding beyond 448: up to 464 is rounded to that.
  return { values: x.div(scales).to({ dtype: FORMAT }), scales };
}

/** Zeros behind rows and columns, up to multiples of 16. */
function padded(x: Tensor): Tensor {
  const [rows = 0, columns = 0] = x.shape;
  const [below, behind] = [aligned(rows) - rows, aligned(columns) - columns];
  return below + behind === 0 ? x : x.constantPadNd([0, behind, 0, below]);
}

/** Rounds a weight: float32 or bfloat16 [O, I].
 *  @throws for values that are not finite */
export function roundToFloat8(weight: Tensor): Float8Weight {
  const [outputs = 0, inputs = 0] = weight.shape;
  if (weight.ndim !== 2 || weight.numel === 0 || !isReadable(weight))
    throw new Error(
      `roundToFloat8: takes a float32 or bfloat16 matrix, got ${weight.dtype} [${weight.shape.join(", ")}]`,
    );
  const [packed, scales] = scope(() => {
    const rounded = roundRows(padded(weight.detach()));
    if (rounded.scales.isfinite().all().item() === 0)
      throw new Error("roundToFloat8: the weight has values that are not finite");
    return [rounded.values, rounded.scales.view([-1])] as const;
  });
  return new Float8Weight(packed, scales, [outputs, inputs]);
}

/** What the rounded weight stands for: float32 [O, I]. */
export function widenFloat8({ packed, scales, outputs, inputs }: Float8Weight): Tensor {
  return scope(() =>
    packed
      .to({ dtype: "float32" })
      .mul_(scales.view([-1, 1]))
      .narrow(0, 0, outputs)
      .narrow(1, 0, inputs),
  );
}

const isReadable = ({ dtype }: Tensor): boolean => dtype === "float32" || dtype === "bfloat16";

/** x w^T + b: float32 or bfloat16 [..., I] -> [..., O] in the same dtype, with sums in float32.
 *  @param scaling how scales are handed to libtorch, to compare them; default as the device takes them
 *  @throws where x is to have gradients */
export function float8Linear(x: Tensor, weight: Float8Weight, bias?: Tensor, scaling?: Float8Scaling): Tensor {
  return scope(() => {
    const [y] = float8Linears(x, [weight], scaling) as [Tensor];
    return bias === undefined ? y : y.add(bias.to({ dtype: x.dtype }));
  });
}

/** x w^T of several weights with the same number of inputs: x is rounded once. */
export function float8Linears(x: Tensor, weights: readonly Float8Weight[], scaling?: Float8Scaling): Tensor[] {
  const inputs = x.shape.at(-1) ?? 0;
  const told = `float8 linear: x is ${x.dtype} [${x.shape.join(", ")}]`;
  for (const weight of weights)
    if (inputs !== weight.inputs) throw new Error(`${told}, and the weight has ${weight.inputs} inputs`);
  if (!isReadable(x)) throw new Error(`${told}, and takes float32 or bfloat16`);
  if (x.requiresGrad && isRecording())
    throw new Error("float8 weights have no gradients: use them without, or train the model as it was");
  const dtype = x.dtype as Float8Result;
  const shapeOf = ({ outputs }: Float8Weight): number[] => [...x.shape.slice(0, -1), outputs];
  // The operator refuses no rows at all.
  if (x.numel === 0) return weights.map((weight) => zeros(shapeOf(weight), { dtype, device: x.device }));
  return scope(() => {
    const rows = x.reshape([-1, inputs]);
    const behind = aligned(inputs) - inputs;
    const rounded = roundRows(behind === 0 ? rows : rows.constantPadNd([0, behind]));
    const product = scaledProducts[scaling ?? requireFloat8(x.device)[dtype]];
    return weights.map((weight) => {
      const y = product(rounded, weight, dtype);
      return (y.size(1) === weight.outputs ? y : y.narrow(1, 0, weight.outputs)).reshape(shapeOf(weight));
    });
  });
}

/** `rows`: one scale for every row and output; `after`: none, they are multiplied with the sums. The same numbers up to
 *  rounding, the second with one more pass over them. */
export type Float8Scaling = "rows" | "after";

/** Dtypes of rows and results. */
export type Float8Result = "float32" | "bfloat16";

interface Rounded {
  values: Tensor; // [R, I]
  scales: Tensor; // [R, 1]
}

const scaledProducts: Record<
  Float8Scaling,
  (x: Rounded, w: Pick<Float8Weight, "packed" | "scales">, dtype: Float8Result) => Tensor
> = {
  rows: (x, w, dtype) => scaledMm(x.values, w.packed, [x.scales, w.scales.view([1, -1])], dtype),
  after(x, w, dtype) {
    const one = ones([], { device: x.values.device });
    const sums = scaledMm(x.values, w.packed, [one, one], "float32");
    return sums.mul_(x.scales).mul_(w.scales).to({ dtype });
  },
};

/** [R, I] and [O, I] -> [R, O]. Never with the GPU's fast sums, which have 14 bits. */
function scaledMm(x: Tensor, w: Tensor, [ofX, ofW]: readonly [Tensor, Tensor], dtype: Float8Result): Tensor {
  return call("aten::_scaled_mm", x, w.t(), ofX, ofW, undefined, undefined, dtype, false) as Tensor;
}

const found = new Map<Device, Record<Float8Result, Float8Scaling>>();

/** Does nothing the second time. Tries the operator on a few zeros: what a device takes depends on the GPU, the result's
 *  dtype and the libtorch, and all of them say it by refusing.
 *  @returns how the device takes scales
 *  @throws UnsupportedError where it multiplies no float8, with what to do; another error when it could not be found out,
 *    which the next call tries anew */
export function requireFloat8(device: Device): Record<Float8Result, Float8Scaling> {
  requireDevice(device);
  const known = found.get(device) ?? tryFloat8(device);
  found.set(device, known);
  return known;
}

/** @internal `requireFloat8`, which remembers, for the first time. */
export function tryFloat8(device: Device): Record<Float8Result, Float8Scaling> {
  return scope(() => {
    const product = (scaling: Float8Scaling, dtype: Float8Result) => {
      const values = zeros([ALIGNED, ALIGNED], { device }).to({ dtype: FORMAT });
      const scales = ones([ALIGNED, 1], { device });
      return scaledProducts[scaling]({ values, scales }, { packed: values, scales: scales.view([-1]) }, dtype);
    };
    const reason = refusalOf(`${device} multiplies float8`, () => product("after", "float32"));
    if (reason !== undefined)
      throw new UnsupportedError(
        `${device} multiplies no float8, which takes a GPU of NVIDIA's of compute capability 8.9 or newer: quantize to int8 there (libtorch: ${reason})`,
      );
    const takes = (dtype: Float8Result): Float8Scaling => {
      const what = `${device} scales rows of float8 products in ${dtype}`;
      return refusalOf(what, () => product("rows", dtype)) === undefined ? "rows" : "after";
    };
    return { float32: takes("float32"), bfloat16: takes("bfloat16") };
  });
}
