/** How weights begin, with the numbers of torch.nn.init. Each fills its tensor and returns it. */
import { noGrad } from "../autograd.js";
import { normal_, uniform_ } from "../generated/ops.generated.js";
import type { Generator } from "../random.js";
import type { Tensor } from "../tensor.js";

/** Numbers that go into an output, and outputs that a number goes into: [O, I] of a linear layer, [O, I, ...] of a
 *  convolution. */
function fans(weight: Tensor): { fanIn: number; fanOut: number } {
  const [outputs, inputs, ...kernel] = weight.shape;
  if (outputs === undefined || inputs === undefined)
    throw new Error(`a weight of shape [${weight.shape.join(", ")}] has no inputs and outputs`);
  const field = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: inputs * field, fanOut: outputs * field };
}

const uniform = (weight: Tensor, bound: number, generator: Generator): Tensor =>
  noGrad(() => uniform_(weight, -bound, bound, { generator }));

/** Uniform between -gain sqrt(3 / fan in) and its opposite. `slope` is that of the leaky ReLU behind it: 0 for ReLU. */
export function kaimingUniform_(weight: Tensor, generator: Generator, slope = 0): Tensor {
  return uniform(weight, Math.sqrt(2 / (1 + slope ** 2)) * Math.sqrt(3 / fans(weight).fanIn), generator);
}

/** Uniform, so that values and gradients keep their variance. */
export function xavierUniform_(weight: Tensor, generator: Generator, gain = 1): Tensor {
  const { fanIn, fanOut } = fans(weight);
  return uniform(weight, gain * Math.sqrt(6 / (fanIn + fanOut)), generator);
}

export function gaussian_(weight: Tensor, generator: Generator, mean = 0, deviation = 1): Tensor {
  return noGrad(() => normal_(weight, mean, deviation, { generator }));
}

/** Of the biases of torch's linear layers and convolutions: uniform between -1 / sqrt(fan in) and its opposite. */
export function bias_(bias: Tensor, weight: Tensor, generator: Generator): Tensor {
  return uniform(bias, 1 / Math.sqrt(fans(weight).fanIn), generator);
}
