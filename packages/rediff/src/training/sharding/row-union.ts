/** Gradients that have some rows only (backward/accumulate.ts), summed over ranks that have different ones.
 *  V rows, D width, U rows that any rank has */
import { detachFromScope, type distributed, scope, zeros } from "@rediff/torch";
import { idTensor } from "../../models/ids.js";
import type { Parameter } from "../backward/parameters.js";

/** Afterwards every rank's gradient has the rows of all, in ascending order, and their sums. */
export async function sumRows(parameter: Parameter, group: distributed.ProcessGroup): Promise<void> {
  const { weight, gradient, gradientRows = [] } = parameter;
  const { device } = weight;
  using seen_V = zeros([weight.size(0)], { dtype: "uint8", device });
  scope(() => void seen_V.indexFill_(0, idTensor([...gradientRows], device), 1));
  await group.allReduce(seen_V, "max").wait();
  const rows = scope(() => seen_V.nonzero().view([-1]).toNumbers());
  const places = new Map(rows.map((row, place) => [row, place]));
  const dtype = gradient?.dtype ?? (weight.dtype === "float64" ? "float64" : "float32");
  const sum_UD = detachFromScope(zeros([rows.length, weight.size(1)], { dtype, device }));
  try {
    scope(() => {
      if (gradient === undefined || gradientRows.length === 0) return;
      const own = idTensor(
        gradientRows.map((row) => places.get(row) as number),
        device,
      );
      sum_UD.indexCopy_(0, own, gradient);
    });
    if (rows.length > 0) await group.allReduce(sum_UD).wait();
  } catch (error) {
    sum_UD.dispose();
    throw error;
  }
  gradient?.dispose();
  parameter.gradient = sum_UD;
  parameter.gradientRows = rows;
}
