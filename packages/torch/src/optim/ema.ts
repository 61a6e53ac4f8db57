/** An exponential moving average of the trained weights, e <- d e + (1 - d) w after every step, kept in float32 whatever
 *  the model's dtype: at d = 0.9999 a change is far below what 16 bits can hold. */
import { noGrad } from "../autograd.js";
import type { Device } from "../device.js";
import { _foreachLerp_ } from "../generated/ops.generated.js";
import { Scope, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { Parameter } from "./parameter.js";
import { StateError } from "./state-error.js";

export interface EmaOptions {
  /** In [0, 1): what of the average stays at each step. */
  decay: number;
  /** Where the weights are known best: the optimizer's `precise`. Default: the model's tensor. */
  source?: (parameter: Parameter) => Tensor;
  /** Default: each where its weight is. */
  device?: Device | undefined;
}

export class Ema implements Disposable {
  readonly #parameters: readonly Parameter[];
  readonly #options: EmaOptions;
  readonly #averages = new Map<string, Tensor>();
  readonly #owned = new Scope();

  /** Begins with the weights as they are. */
  constructor(parameters: readonly Parameter[], options: EmaOptions) {
    this.#parameters = parameters;
    this.#options = options;
    for (const parameter of parameters) this.#set(parameter, this.#source(parameter));
  }

  /** Takes in the weights after a step. */
  update(): void {
    noGrad(() => {
      for (const parameter of this.#parameters)
        scope(() => {
          const average = this.average(parameter.name) as Tensor;
          const weight = this.#source(parameter).detach().to({ dtype: average.dtype, device: average.device });
          _foreachLerp_([average], [weight], 1 - this.#options.decay);
        });
    });
  }

  /** The average of a tensor by its name, or undefined where it is not trained. It stays the Ema's own. */
  average(name: string): Tensor | undefined {
    return this.#averages.get(name);
  }

  /** For a checkpoint: the averages themselves, under `ema/NAME`. */
  exportState(): Map<string, Tensor> {
    return new Map([...this.#averages].map(([name, average]) => [`ema/${name}`, average]));
  }

  /** Takes over copies of what `exportState` gave. @throws StateError when an average is missing or misshapen */
  importState(entries: ReadonlyMap<string, Tensor>): void {
    for (const parameter of this.#parameters) {
      const saved = entries.get(`ema/${parameter.name}`);
      if (saved?.shape.join() !== parameter.weight.shape.join())
        throw new StateError(`the saved state has no moving average of ${parameter.name}`);
    }
    this.#owned[Symbol.dispose]();
    for (const parameter of this.#parameters) this.#set(parameter, entries.get(`ema/${parameter.name}`) as Tensor);
  }

  [Symbol.dispose](): void {
    this.#averages.clear();
    this.#owned[Symbol.dispose]();
  }

  #source(parameter: Parameter): Tensor {
    return this.#options.source?.(parameter) ?? parameter.weight;
  }

  #set({ name, weight }: Parameter, value: Tensor): void {
    const dtype = weight.dtype === "float64" ? "float64" : "float32";
    const device = this.#options.device ?? weight.device;
    const copy = noGrad(() => scope(() => value.detach().to({ dtype, device, copy: true })));
    this.#averages.set(name, this.#owned.adopt(copy));
  }
}
