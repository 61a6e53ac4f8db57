/** A second device where there is no GPU: libtorch's CPU behind memory of its own (packages/torch/test/second-device).
 *  What lies in the wrong place fails on it, and what crosses between it and the host is written down. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { call, type Device } from "@rediff/torch";

const script = fileURLToPath(new URL("../../../torch/test/second-device/build.mjs", import.meta.url));
const NO_COMPILER = 3;

/** Makes the device known to this process and to those that it starts; undefined where there is no C++ compiler.
 *  The second of two, so that what goes to the first without being told is found. */
export function secondDevice(): Device | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (status === NO_COMPILER) return undefined;
  if (status !== 0) throw new Error(`the second device cannot be built: ${stderr}`);
  process.env.REDIFF_DEVICE = stdout.trim();
  return "apart:1" as Device;
}

/** What crosses while `body` runs, and how often: `read`s of the host, which wait for the device, and `upload`s. */
export function transfersOf(body: () => void): Record<string, number> {
  call("apart::record", true);
  body();
  const lines = String(call("apart::recorded"));
  call("apart::record", false);
  const counts: Record<string, number> = {};
  for (const line of lines === "" ? [] : lines.split("\n")) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}
