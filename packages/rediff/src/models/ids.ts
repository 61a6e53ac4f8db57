/** Token ids, places and yes-or-no of rows, as tensors on a device. Uploads wait for nothing (`upload`). */
import { type Device, fromBuffer, scope, type Tensor, upload } from "@rediff/torch";

/** int64 [n] on a device */
export function idTensor(ids: ArrayLike<number>, device: Device): Tensor {
  const array = BigInt64Array.from({ length: ids.length }, (_, i) => BigInt(ids[i] as number));
  const host = (): Tensor => fromBuffer(array, [ids.length]);
  return device === "cpu" ? host() : scope(() => upload(host(), device));
}

/** bool [n, 1] on a device */
export function rowMask(rows: readonly boolean[], device: Device): Tensor {
  return scope(() => upload(fromBuffer(Uint8Array.from(rows, Number), [rows.length, 1], "bool"), device));
}
