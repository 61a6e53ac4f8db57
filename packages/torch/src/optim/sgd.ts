/** Stochastic gradient descent with momentum, as torch.optim.SGD computes it.
 *
 *      g <- g + decay * w        b <- momentum b + g  (b = g at first)
 *      w <- w - lr * b           (with nesterov: w - lr * (g + momentum b)) */
import { noGrad } from "../autograd.js";
import { Scope, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { Parameter, ParameterGroup } from "./parameter.js";

export interface SgdOptions {
  /** Default 0: no memory is kept. */
  momentum?: number;
  /** Default false. */
  nesterov?: boolean;
}

/** Parameters whose gradients go by rows are refused: momentum would have to reach all rows. */
export class Sgd implements Disposable {
  readonly groups: readonly ParameterGroup[];
  readonly #options: Required<SgdOptions>;
  readonly #momenta = new Map<string, Tensor>();
  readonly #owned = new Scope();

  /** @throws for `nesterov` without momentum */
  constructor(groups: readonly ParameterGroup[], { momentum = 0, nesterov = false }: SgdOptions = {}) {
    if (nesterov && momentum === 0) throw new Error("Sgd: nesterov needs a momentum above 0");
    this.groups = groups;
    this.#options = { momentum, nesterov };
  }

  /** Updates every parameter that has a gradient, with `factor` times its group's learning rate. */
  step(factor = 1): void {
    noGrad(() => {
      for (const group of this.groups)
        for (const parameter of group.parameters) scope(() => this.#update(parameter, group, factor));
    });
  }

  [Symbol.dispose](): void {
    this.#momenta.clear();
    this.#owned[Symbol.dispose]();
  }

  #update(parameter: Parameter, { learningRate, weightDecay }: ParameterGroup, factor: number): void {
    const { name, weight, gradient, gradientRows } = parameter;
    if (gradient === undefined) return;
    if (gradientRows !== undefined) throw new Error(`Sgd: the gradient of ${name} has some rows only; use AdamW`);
    const { momentum, nesterov } = this.#options;
    const slope = weightDecay === 0 ? gradient : gradient.add(weight, { alpha: weightDecay });
    let way = slope;
    if (momentum !== 0) {
      const known = this.#momenta.get(name);
      if (known === undefined) this.#momenta.set(name, this.#owned.adopt(slope.clone()));
      else known.mul_(momentum).add_(slope);
      const kept = this.#momenta.get(name) as Tensor;
      way = nesterov ? slope.add(kept, { alpha: momentum }) : kept;
    }
    weight.sub_(way, { alpha: learningRate * factor });
  }
}
