/** What has weights and computes with them. */
import { noGrad } from "../autograd.js";
import { detachFromScope, scope } from "../scope.js";
import { Tensor } from "../tensor.js";

/** Fields that are tensors are its weights, fields that are modules (or arrays of them) its parts, by their names.
 *
 *      class Classifier extends nn.Module {
 *        hidden = new nn.Linear(64, 32, { generator });
 *        out = new nn.Linear(32, 10, { generator });
 *        forward(x: Tensor) { return this.out.forward(this.hidden.forward(x).relu()); }
 *      }
 *
 *  A module owns its weights until it is disposed of, whatever scope it was made in. */
export abstract class Module implements Disposable {
  /** Whether dropout drops. See `train`. */
  training = true;

  abstract forward(x: Tensor): Tensor;

  /** All weights, by names as `hidden.weight`: what an optimizer changes and a file keeps. */
  parameters(): Record<string, Tensor> {
    const found: Record<string, Tensor> = {};
    for (const [path, value] of this.#fields())
      if (value instanceof Tensor) found[path] = value;
      else for (const [name, tensor] of Object.entries(value.parameters())) found[`${path}.${name}`] = tensor;
    return found;
  }

  /** Copies weights in, such as those that `SafetensorsFile` reads.
   *  @throws when a weight is missing, one has another shape, or there are others */
  load(weights: Readonly<Record<string, Tensor>>): this {
    const own = this.parameters();
    const unknown = Object.keys(weights).filter((name) => !(name in own));
    if (unknown.length > 0) throw new Error(`load(): there is no weight ${unknown[0]} here`);
    for (const [name, tensor] of Object.entries(own)) {
      const given = weights[name];
      if (given?.shape.join() !== tensor.shape.join())
        throw new Error(
          given === undefined
            ? `load(): ${name} is missing`
            : `load(): ${name} has the shape [${given.shape.join(", ")}], not [${tensor.shape.join(", ")}]`,
        );
    }
    noGrad(() => {
      for (const [name, tensor] of Object.entries(own)) tensor.copy_(weights[name] as Tensor);
    });
    return this;
  }

  /** Turns what is for training alone (dropout) on or off, here and in all parts. */
  train(on = true): this {
    this.training = on;
    for (const [, value] of this.#fields()) if (value instanceof Module) value.train(on);
    return this;
  }

  [Symbol.dispose](): void {
    for (const [, value] of this.#fields()) value[Symbol.dispose]();
  }

  #fields(): (readonly [string, Tensor | Module])[] {
    return Object.entries(this).flatMap(([name, value]: [string, unknown]) => {
      if (value instanceof Tensor || value instanceof Module) return [[name, value] as const];
      if (!Array.isArray(value)) return [];
      return value.flatMap((part: unknown, i) => (part instanceof Module ? [[`${name}.${i}`, part] as const] : []));
    });
  }
}

/** A weight of a module: recorded, and in no scope. */
export function weight(make: () => Tensor): Tensor {
  return detachFromScope(noGrad(() => scope(make)).setRequiresGrad());
}
