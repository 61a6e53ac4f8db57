/** Token ids, and places, as a tensor. */
import { type Device, fromBuffer, scope, type Tensor } from "@rediff/torch";

/** int64 [n] on a device */
export function idTensor(ids: ArrayLike<number>, device: Device): Tensor {
  const array = BigInt64Array.from({ length: ids.length }, (_, i) => BigInt(ids[i] as number));
  const host = (): Tensor => fromBuffer(array, [ids.length]);
  return device === "cpu" ? host() : scope(() => host().to({ device }));
}
