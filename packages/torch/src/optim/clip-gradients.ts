/** The norm of all gradients together, and clipping by it, as torch.nn.utils.clip_grad_norm_ does. */
import { noGrad } from "../autograd.js";
import { _foreachMulScalar_, _foreachNorm, linalgVectorNorm, stack } from "../generated/ops.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { freeGradient, type Parameter } from "./parameter.js";

/** A parameter, as far as its gradient goes. */
export type WithGradient = Pick<Parameter, "name" | "gradient">;

const gradientsOf = (parameters: readonly WithGradient[]): Tensor[] =>
  parameters.flatMap(({ gradient }) => (gradient === undefined ? [] : [gradient]));

/** The 2-norm over all elements of all gradients; 0 when there are none. Not finite as soon as one element is not. */
export function gradientNorm(parameters: readonly WithGradient[]): number {
  return noGrad(() =>
    scope(() => {
      const gradients = gradientsOf(parameters);
      return gradients.length === 0 ? 0 : linalgVectorNorm(stack(_foreachNorm(gradients))).item();
    }),
  );
}

/** Scales all gradients by maxNorm / (norm + 1e-6) where that is below 1, and returns the norm they had.
 *
 *  When the norm is not finite nothing is scaled: the caller has to stop before the update. */
export function clipGradients(parameters: readonly WithGradient[], maxNorm: number): number {
  const norm = gradientNorm(parameters);
  clipBy(parameters, norm, maxNorm);
  return norm;
}

/** The same where the norm is known: that of more gradients than these, of all processes. */
export function clipBy(parameters: readonly WithGradient[], norm: number, maxNorm: number): void {
  const coefficient = maxNorm / (norm + 1e-6);
  if (!Number.isFinite(norm) || coefficient >= 1) return;
  noGrad(() =>
    scope(() => {
      const gradients = gradientsOf(parameters);
      if (gradients.length > 0) _foreachMulScalar_(gradients, coefficient);
    }),
  );
}

/** Names of the parameters whose gradient has an infinite or undefined element: for the message. */
export function nonFiniteGradients(parameters: readonly WithGradient[]): string[] {
  return parameters.filter((parameter) => !Number.isFinite(gradientNorm([parameter]))).map(({ name }) => name);
}

/** Frees all gradients, so that the next accumulation begins at nothing. */
export function dropGradients(parameters: readonly Pick<Parameter, "gradient" | "gradientRows">[]): void {
  parameters.forEach(freeGradient);
}
