/** From the host's memory to a device's, without waiting for the device.
 *
 *  A GPU copies by itself only out of memory that the system cannot move (pinned). Out of any other the copy blocks: until
 *  all that was queued before it is done. So what is uploaded is copied to pinned memory first, and from there while the
 *  host goes on.
 *
 *  The pinned memory is given back at once. libtorch's allocator for it notes, with the copy, an event on the device's
 *  stream, and hands the memory out again only when that has passed (CachingHostAllocator; the copy does so for whatever
 *  lies in its memory). The caller's own memory is not read any more when `upload` returns. */
import { addedName, type Device, refusalOf, usableDevice } from "../device.js";
import { to } from "../generated/ops.generated.js";
import { native } from "../native.js";
import { operatorId } from "../operator.js";
import { type Tensor, wrap } from "../tensor.js";

/** Of each kind of device. */
const pins = new Map<string, boolean>();

/** @internal Whether uploads to this device go by way of pinned memory: to CUDA's do. Not to Metal's, whose memory is the host's.
 *  @throws when it could not be found out */
export function pinsUploads(device: Device): boolean {
  const kind = device.split(":")[0] as string;
  let answer = pins.get(kind);
  if (answer === undefined) {
    usableDevice(device);
    answer = kind === "cuda" || (kind === addedName() && hasPinnedMemory(device));
    pins.set(kind, answer);
  }
  return answer;
}

/** A backend of another make need not have any. @throws when it could not be found out */
function hasPinnedMemory(device: Device): boolean {
  const probe = wrap(native.call(operatorId("aten::zeros"), [1]));
  try {
    const pin = () => wrap(native.call(operatorId("aten::_pin_memory"), probe.slot)).dispose();
    return refusalOf(`${device} has pinned memory`, pin) === undefined;
  } finally {
    probe.dispose();
  }
}

/** A host's tensor on a device; its own memory may be written to afterwards. On the CPU the same tensor again, by another
 *  handle: nothing is copied. Not for what gradients are recorded of. */
export function upload(host: Tensor, device: Device): Tensor {
  if (device === "cpu") return host.alias();
  if (!pinsUploads(device)) return to(host, { device });
  const pinned = wrap(native.call(operatorId("aten::_pin_memory"), host.slot));
  try {
    const nonBlocking = true;
    return wrap(native.call(operatorId("aten::_to_copy"), pinned.slot, ...none, device, undefined, nonBlocking));
  } finally {
    pinned.dispose();
  }
}

/** dtype and layout stay. */
const none = [undefined, undefined] as const;
