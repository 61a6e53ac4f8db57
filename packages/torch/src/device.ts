/** Devices: what is there, chosen at run time, never fallen back from. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { libDir, native } from "./native.js";

/** "cpu", "cuda", "cuda:1", "mps" */
export type Device = "cpu" | "cuda" | `cuda:${number}` | "mps";

let cudaProblem: string | undefined;
let cudaTried = false;

/** libtorch_cuda is a gigabyte with dozens of libraries behind it: opened when somebody asks for a GPU, not before. */
function loadCuda(): void {
  if (cudaTried) return;
  cudaTried = true;
  const library = join(libDir, "libtorch_cuda.so");
  if (!existsSync(library)) cudaProblem = `this libtorch has no CUDA part (${library} is missing)`;
  else cudaProblem = native.loadLibrary(library) || undefined;
  // TF32 rounds float32 operands to 10 bits; whoever asks for float32 gets float32 until `allowTf32(true)`.
  if (cudaProblem === undefined) native.setTf32(false);
}

/** Number of usable devices of a type: cpu 1, mps 0 or 1, cuda the number of GPUs. */
export function deviceCount(type: "cpu" | "cuda" | "mps"): number {
  if (type === "cuda") {
    if (process.platform === "darwin") return 0;
    loadCuda();
    if (cudaProblem !== undefined) return 0;
  }
  return native.deviceCount(type);
}

/** The device names that work here, best first. */
export function availableDevices(): Device[] {
  const devices: Device[] = [];
  const gpus = deviceCount("cuda");
  for (let i = 0; i < gpus; i++) devices.push(`cuda:${i}`);
  if (deviceCount("mps") > 0) devices.push("mps");
  devices.push("cpu");
  return devices;
}

/** Does nothing when `device` can be used. @throws with the reason when it cannot. */
export function requireDevice(device: Device): void {
  if (device === "cpu") return;
  const match = /^(cuda|mps)(?::(\d+))?$/.exec(device);
  if (match === null) throw new Error(`unknown device "${device}"; it is cpu, cuda, cuda:N or mps`);
  const type = match[1] as "cuda" | "mps";
  const count = deviceCount(type);
  const index = Number(match[2] ?? 0);
  if (index < count) return;
  const why =
    type === "cuda" && cudaProblem !== undefined ? `: ${cudaProblem}` : count > 0 ? `: there are only ${count}` : "";
  throw new Error(`device ${device} is not available${why}. Available: ${availableDevices().join(", ")}`);
}

const usable = new Set<string>(["cpu"]);

/** @internal `device` itself, checked the first time it is seen. libtorch's own message would not give the reason, and
 *  CUDA is not even loaded before somebody asks. */
export function usableDevice(device: Device | undefined): Device | undefined {
  if (device === undefined || usable.has(device)) return device;
  requireDevice(device);
  usable.add(device);
  return device;
}

/** Waits until everything queued on a device is done; for timing. */
export function synchronize(device: Device): void {
  usableDevice(device);
  native.synchronize(device);
}

/** Lets CUDA round float32 operands of matrix products and convolutions to TF32: faster, approximate. Off by default. */
export function allowTf32(allowed: boolean): void {
  native.setTf32(allowed);
}

/** More than any machine's cores; each takes memory, and the process ends where it is not to be had. */
const MOST_THREADS = 1024;

/** Threads that one operator may use on the CPU; the default is libtorch's, one per core. */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MOST_THREADS)
    throw new Error(`threads must be a whole number from 1 to ${MOST_THREADS}, got ${count}`);
  native.setThreads(count);
}

export function getThreads(): number {
  return native.getThreads();
}
