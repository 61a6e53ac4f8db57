/** Puts pictures where their placeholders are: ids with -200 and a list of feature rows -> one sequence of embeddings.
 *  D width. */
import { cat, type Device, fromBuffer, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { ignoredLabel, imagePlaceholder } from "../../text/image-tokens.js";
import { embed, type Llada } from "../llada/llada.js";

export interface Spliced {
  embeds: Tensor; // [rows, D]
  /** One per row; -100 on the rows of pictures. Present when labels were given. */
  labels: number[] | undefined;
}

/** int64 ids on the model's device */
export function idTensor(ids: ArrayLike<number>, device: Device): Tensor {
  const array = BigInt64Array.from({ length: ids.length }, (_, i) => BigInt(ids[i] as number));
  const host = fromBuffer(array, [ids.length]);
  return device === "cpu" ? host : host.to({ device });
}

/** One sample. `pictures` are consumed in the order of the placeholders.
 *  @throws UserError when the counts differ: the reference would take the next sample's picture */
export function splice(
  model: Llada,
  ids: readonly number[],
  pictures: readonly Tensor[],
  options: { labels?: readonly number[]; maxLength?: number } = {},
): Spliced {
  const placeholders = ids.filter((id) => id === imagePlaceholder).length;
  if (placeholders !== pictures.length)
    throw new UserError(
      `the prompt has ${placeholders} <image> but ${pictures.length} pictures were given`,
      "Add the missing pictures, or remove a marker.",
    );
  const device = model.weights.embedTokens.device;
  const { vocabSize } = model.config;
  const bad = ids.find((id) => id !== imagePlaceholder && !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (bad !== undefined)
    throw new UserError(
      `token id ${bad} is outside the model's vocabulary of ${vocabSize}`,
      "Tokenizer and weights belong to different models.",
    );

  if (ids.length === 0) throw new UserError("the prompt is empty");
  if (options.labels !== undefined && options.labels.length !== ids.length)
    throw new Error(`splice: ${ids.length} ids but ${options.labels.length} labels`);

  return scope(() => {
    const parts: Tensor[] = [];
    const labels: number[] = [];
    let next = 0;
    let start = 0;
    for (let i = 0; i <= ids.length; i++) {
      if (i < ids.length && ids[i] !== imagePlaceholder) continue;
      if (i > start) {
        parts.push(embed(model, idTensor(ids.slice(start, i), device)));
        labels.push(...(options.labels?.slice(start, i) ?? []));
      }
      if (i < ids.length) {
        const picture = pictures[next++] as Tensor;
        parts.push(picture);
        for (let row = picture.size(0); row > 0; row--) labels.push(ignoredLabel);
      }
      start = i + 1;
    }
    const whole = cat(parts, 0);
    const length = Math.min(whole.size(0), options.maxLength ?? Number.POSITIVE_INFINITY);
    return {
      embeds: length < whole.size(0) ? whole.narrow(0, 0, length) : whole,
      labels: options.labels === undefined ? undefined : labels.slice(0, length),
    };
  });
}
