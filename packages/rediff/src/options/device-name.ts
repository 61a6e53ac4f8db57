/** How devices are written. Which of them there are is known once libtorch is loaded, which takes longer than to read
 *  options. */

export const DEVICE_FORMS = "cpu, cuda, cuda:N or mps";

/** Whether `text` can name a device: one of those, or the one that REDIFF_DEVICE adds (@rediff/torch, device.ts). */
export function isDeviceName(text: unknown): boolean {
  if (typeof text !== "string") return false;
  const [added = ""] = (process.env.REDIFF_DEVICE ?? "").split("=");
  return /^(cpu|(cuda|mps)(:\d+)?)$/.test(text) || (added !== "" && text.replace(/:\d+$/, "") === added);
}
