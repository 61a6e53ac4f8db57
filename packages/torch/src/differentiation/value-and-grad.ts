/** Gradients of a function by what it is given, as JAX has it: no flags on tensors, nothing accumulated. */
import { grad } from "../autograd.js";
import { zerosLike } from "../generated/ops.generated.js";
import { scope, tensorsIn } from "../scope.js";
import { Tensor } from "../tensor.js";

/** A tensor, or arrays and plain objects of such. */
export type Parameters = Tensor | readonly Parameters[] | { readonly [name: string]: Parameters };

/** The same in its shape, with a gradient for each tensor. */
export type GradientsOf<P extends Parameters> = P extends Tensor
  ? Tensor
  : { [K in keyof P]: P[K] extends Parameters ? GradientsOf<P[K]> : never };

/** From a function that computes one number of parameters (and of others, by which nothing is derived) to one that gives
 *  that number and its gradients as well, of the parameters' form. Parameters that the number does not depend on have
 *  gradients of zero; the tensors that are given stay as they are.
 *  @throws when `f` gives more than one number */
export function valueAndGrad<P extends Parameters, Others extends readonly unknown[]>(
  f: (parameters: P, ...others: Others) => Tensor,
): (parameters: P, ...others: Others) => { value: Tensor; gradients: GradientsOf<P> } {
  return (parameters, ...others) =>
    scope(() => {
      const leaves = new Map<Tensor, Tensor>();
      for (const given of tensorsIn(parameters)) leaves.set(given, given.detach().setRequiresGrad());
      const value = f(mapped(parameters, leaves) as P, ...others);
      if (value.numel !== 1)
        throw new Error(
          `valueAndGrad(): the function gives [${value.shape.join(", ")}], not one number; sum() or mean() it`,
        );
      const own = [...leaves.values()];
      const found = value.requiresGrad ? grad(value, own, { allowUnused: true }) : own.map(() => undefined);
      const gradients = new Map([...leaves.keys()].map((given, i) => [given, found[i] ?? zerosLike(given)]));
      return { value: value.detach(), gradients: mapped(parameters, gradients) as GradientsOf<P> };
    });
}

/** The same arrays and objects around other tensors. */
function mapped(value: unknown, tensors: ReadonlyMap<Tensor, Tensor>): unknown {
  if (value instanceof Tensor) return tensors.get(value);
  if (Array.isArray(value)) return value.map((element) => mapped(element, tensors));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, element]) => [name, mapped(element, tensors)]));
}
