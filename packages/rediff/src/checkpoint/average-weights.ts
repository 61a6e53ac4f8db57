/** The weighted mean of models that lie near each other: stages of one run (model soups, arXiv 2203.05482), or a model and
 *  what it was tuned to (WiSE-FT, arXiv 2109.01903). A tensor at a time, so that no model is in memory as a whole. */
import { type DType, openCheckpoint, saveCheckpoint, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../errors.js";

export interface Part {
  /** A model folder. */
  folder: string;
  /** Above 0; all together are 1. */
  share: number;
}

/** Writes the weights into `to`, an existing folder; sums are float32.
 *  @param dtype what they are written as; default the last part's
 *  @throws UserError when the parts do not have the same tensors, before anything is written */
export function saveAverage(parts: readonly [Part, ...Part[]], to: string, dtype?: DType): void {
  const checkpoints = parts.map(({ folder }) => openCheckpoint(folder));
  try {
    const [first] = checkpoints;
    const last = checkpoints.at(-1);
    if (first === undefined || last === undefined) return;
    const names = [...last.names()];
    const shapesOf = (checkpoint: typeof first) =>
      [...checkpoint.names()].sort().map((name) => `${name} [${checkpoint.info(name).shape.join()}]`);
    const wanted = shapesOf(first);
    for (const [i, checkpoint] of checkpoints.entries())
      if (shapesOf(checkpoint).join() !== wanted.join())
        throw new UserError(
          `${parts[i]?.folder} has other tensors than ${parts[0].folder}`,
          "Only models of the same shape can be averaged.",
        );
    const mean = (name: string): Tensor =>
      checkpoints
        .map((checkpoint, i) =>
          checkpoint
            .get(name)
            .to({ dtype: "float32" })
            .mul(parts[i]?.share ?? 0),
        )
        .reduce((sum, tensor) => sum.add(tensor));
    saveCheckpoint(
      to,
      names.map((name) => {
        const own = last.info(name);
        const kind = dtype ?? own.dtype;
        return { name, dtype: kind, shape: own.shape, tensor: () => scope(() => mean(name).to({ dtype: kind })) };
      }),
    );
  } finally {
    for (const checkpoint of checkpoints) checkpoint[Symbol.dispose]();
  }
}
