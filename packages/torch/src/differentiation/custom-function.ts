/** Functions whose derivative is written in TypeScript, as torch.autograd.Function has it. */
import { isRecording, noGrad } from "../autograd.js";
import { giveUp } from "../handle.js";
import { native } from "../native.js";
import { scope } from "../scope.js";
import { Tensor, wrap } from "../tensor.js";

export interface CustomFunction<Inputs extends readonly Tensor[]> {
  /** Begins the messages of errors, and is the node's name in the graph. */
  name: string;
  /** Computes the value; nothing in it is recorded. `save` keeps inputs, outputs or what else `backward` needs. */
  forward(save: (...tensors: Tensor[]) => void, ...inputs: Inputs): Tensor | readonly Tensor[];
  /** From the gradient of each output to that of each input; undefined where there is none. `saved` has what `forward`
   *  saved, in its order. What it makes is freed, but for what it returns. */
  backward(saved: readonly Tensor[], ...gradients: Tensor[]): readonly (Tensor | undefined)[];
}

/** A function for use among operators: `const cube = customFunction({ name: "cube", forward, backward }); cube(x)`.
 *
 *  Derivatives of derivatives go through `backward`, if it is made of operators that have some. It runs in the thread that
 *  calls it, so tensors on the CPU (and on MPS) are differentiated through it; on CUDA libtorch goes back in a thread of its
 *  own, which is an error that says so.
 *  @returns what `forward` returns: a tensor, or several */
export function customFunction<Inputs extends readonly Tensor[]>(
  definition: CustomFunction<Inputs> & { forward(save: (...tensors: Tensor[]) => void, ...inputs: Inputs): Tensor },
): (...inputs: Inputs) => Tensor;
export function customFunction<Inputs extends readonly Tensor[]>(
  definition: CustomFunction<Inputs>,
): (...inputs: Inputs) => Tensor | readonly Tensor[];
export function customFunction<Inputs extends readonly Tensor[]>(
  definition: CustomFunction<Inputs>,
): (...inputs: Inputs) => Tensor | readonly Tensor[] {
  const { name, forward, backward } = definition;
  return (...inputs) =>
    scope(() => {
      const saved: Tensor[] = [];
      const result = noGrad(() => forward((...tensors) => void saved.push(...tensors), ...inputs));
      if (!isRecording() || !inputs.some(({ requiresGrad }) => requiresGrad)) return result;
      const outputs = result instanceof Tensor ? [result] : result;
      const slots = native.recordFunction(
        name,
        inputs.map(({ slot }) => slot),
        outputs.map(({ slot }) => slot),
        saved.map(({ slot }) => slot),
        saved.map((tensor) => outputs.indexOf(tensor)),
        (gradients, kept) => gradientsOf(name, inputs.length, () => backward(kept.map(wrap), ...gradients.map(wrap))),
      );
      const recorded = slots.map(wrap);
      return result instanceof Tensor ? (recorded[0] as Tensor) : recorded;
    });
}

/** Slots of new handles to what `body` returns, which belong to nobody; -1 for undefined. */
function gradientsOf(name: string, count: number, body: () => readonly (Tensor | undefined)[]): number[] {
  return scope(() => {
    const gradients = body();
    if (gradients.length !== count)
      throw new Error(`${gradients.length} gradients for ${count} inputs; give undefined where ${name} has none`);
    return gradients.map((gradient) => (gradient === undefined ? -1 : giveUp(gradient.alias())));
  });
}
