/** What optimizers change: tensors with a name, a gradient and a rate. */
import type { Tensor } from "../tensor.js";

/** A tensor that is trained. */
export interface Parameter {
  readonly name: string;
  readonly weight: Tensor;
  /** Of the weight's shape and on its device. Steps add to it; undefined stands for zero. Whoever takes it out frees it. */
  gradient: Tensor | undefined;
  /** Only rows that are read get a gradient, as an embedding's: `gradient` then has the rows `gradientRows`, each once, and
   *  all others' is zero. */
  readonly rowwise?: boolean;
  gradientRows?: readonly number[] | undefined;
}

/** Parameters with the same learning rate and weight decay. */
export interface ParameterGroup {
  name: string;
  parameters: readonly Parameter[];
  learningRate: number;
  weightDecay: number;
}

/** Tensors by name, such as a layer's `parameters()`, as optimizers take them. Their gradients are what `backward` adds up
 *  in `.grad`; reading one gives a handle that the open scope frees. */
export function parametersOf(tensors: Readonly<Record<string, Tensor>>): Parameter[] {
  return Object.entries(tensors).map(([name, weight]) => ({
    name,
    weight,
    get gradient(): Tensor | undefined {
      return weight.grad;
    },
    set gradient(value: Tensor | undefined) {
      weight.setGrad(value);
    },
  }));
}

/** Frees a gradient, so that the next accumulation begins at nothing. */
export function freeGradient(parameter: Pick<Parameter, "gradient" | "gradientRows">): void {
  parameter.gradient?.dispose();
  parameter.gradient = undefined;
  parameter.gradientRows = undefined;
}
