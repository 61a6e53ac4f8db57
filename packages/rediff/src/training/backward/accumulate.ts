/** Adding to a parameter's gradient: whole, or only the rows that were read.
 *
 *  The embedding of a vocabulary of 126,464 is the largest tensor of a small model, and a step reads a thousand rows of
 *  it. Its gradient has these rows alone, and its moments (@rediff/torch's optim/row-moments.ts) those that were ever read: every
 *  other row's would be zeros to store, to square and to add. */
import { cat, type DType, detachFromScope, scope, type Tensor, zeros } from "@rediff/torch";
import { idTensor } from "../../models/ids.js";
import type { Parameter } from "./parameters.js";

/** The dtype in which gradients of a weight are summed. */
export const gradientDtype = (weight: Tensor): DType => (weight.dtype === "float64" ? "float64" : "float32");

/** Adds to a parameter's gradient. The first one is taken over where its form allows. */
export function addGradient(parameter: Parameter, gradient: Tensor): void {
  if (parameter.gradient !== undefined) parameter.gradient.add_(gradient);
  else
    setGradient(
      parameter,
      scope(() => gradient.to({ dtype: gradientDtype(parameter.weight) }).contiguous()),
    );
}

/** A parameter's gradient to add to in place; zeros where there was none, no rows where it goes by rows. */
export function openGradient(parameter: Parameter): Tensor {
  if (parameter.gradient !== undefined) return parameter.gradient;
  const { rowwise, weight } = parameter;
  if (rowwise) parameter.gradientRows = [];
  const shape = rowwise ? [0, weight.size(1)] : weight.shape;
  return setGradient(parameter, zeros(shape, { dtype: gradientDtype(weight), device: weight.device }));
}

/** Adds `rows` [n, D] to the rows `ids` of a rowwise parameter's gradient; ids may repeat. */
export function addRowGradients(parameter: Parameter, ids: readonly number[], rows: Tensor): void {
  const before = openGradient(parameter);
  const known = parameter.gradientRows ?? [];
  const slots = new Map(known.map((id, slot) => [id, slot]));
  for (const id of ids) if (!slots.has(id)) slots.set(id, slots.size);
  const all = [...slots.keys()];
  const fresh = all.length - known.length;
  const room = { dtype: before.dtype, device: before.device };
  if (fresh > 0) {
    const grown = scope(() => cat([before, zeros([fresh, before.size(1)], room)], 0));
    before.dispose();
    parameter.gradientRows = all;
    setGradient(parameter, grown);
  }
  scope(() => {
    const places = idTensor(
      ids.map((id) => slots.get(id) as number),
      rows.device,
    );
    openGradient(parameter).indexAdd_(0, places, rows.to(room));
  });
}

/** A parameter's gradient in the weight's shape, whatever form it has; a new tensor of the open scope. */
export function wholeGradient(parameter: Parameter): Tensor {
  const { weight, gradient, gradientRows } = parameter;
  const whole = zeros(weight.shape, { dtype: gradientDtype(weight), device: weight.device });
  if (gradient === undefined) return whole;
  if (gradientRows === undefined) return whole.copy_(gradient);
  return scope(() => whole.indexCopy_(0, idTensor(gradientRows, weight.device), gradient));
}

function setGradient(parameter: Parameter, gradient: Tensor): Tensor {
  parameter.gradient = detachFromScope(gradient);
  return gradient;
}
