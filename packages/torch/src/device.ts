/** Devices: what is there, chosen at run time, never fallen back from. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cudaPart, libDir, native } from "./native.js";

/** "cpu", "cuda", "cuda:1", "mps" */
export type Device = "cpu" | "cuda" | `cuda:${number}` | "mps";

let cudaProblem: string | undefined;
let cudaPartProblem: string | undefined;
let cudaTried = false;

/** libtorch_cuda is a gigabyte with dozens of libraries behind it: opened when somebody asks for a GPU, not before. */
function loadCuda(): void {
  if (cudaTried) return;
  cudaTried = true;
  const library = join(libDir, "libtorch_cuda.so");
  if (!existsSync(library))
    cudaProblem = `this libtorch has no CUDA part (${library} is missing; set REDIFF_CUDA=1 and set up again)`;
  else cudaProblem = native.loadLibrary(library) || undefined;
  // TF32 rounds float32 operands to 10 bits; whoever asks for float32 gets float32 until `allowTf32(true)`.
  if (cudaProblem !== undefined) return;
  native.setTf32(false);
  cudaPartProblem = existsSync(cudaPart)
    ? native.loadLibrary(cudaPart) || undefined
    : `${cudaPart} was not built: it needs a compiler, and CUDA's headers, which REDIFF_CUDA=1 fetches, or a prebuilt addon that has it (\`npx rediff-torch-setup --force\` builds anew)`;
}

/** @internal Why a device has no graphs, where there is a reason. */
export function graphsProblem(device: Device): string | undefined {
  return device.startsWith("cuda") ? cudaPartProblem : undefined;
}

/** REDIFF_DEVICE=NAME=LIBRARY: a backend of another make (libtorch has room for one, PrivateUse1), which the library
 *  registers under that name when it is opened. This is how the tests' second device comes in. */
function added(): { name: string; library: string } | undefined {
  const [, name, library] = /^(\w+)=(.+)$/.exec(process.env.REDIFF_DEVICE ?? "") ?? [];
  return name === undefined || library === undefined ? undefined : { name, library };
}

/** @internal */
export function addedName(): string | undefined {
  return added()?.name;
}

let addedProblem: string | undefined;
let addedTried = false;

function loadAdded(): void {
  const library = added()?.library;
  if (addedTried || library === undefined) return;
  addedTried = true;
  addedProblem = native.loadLibrary(library) || undefined;
}

/** What CUDA lacks where libtorch has all of its part. */
function driverProblem(): string {
  const reason = native.loadLibrary("libcuda.so.1");
  return reason === ""
    ? "NVIDIA's driver finds no GPU, or is too old for this libtorch (`rediff doctor` says what it needs)"
    : `NVIDIA's driver is not installed (${reason})`;
}

/** Number of usable devices of a type: cpu 1, mps 0 or 1, cuda the number of GPUs. */
export function deviceCount(type: "cpu" | "cuda" | "mps"): number {
  return countOf(type);
}

function countOf(type: string): number {
  if (type === "cuda") {
    if (process.platform === "darwin") return 0;
    loadCuda();
    if (cudaProblem !== undefined) return 0;
  } else if (type === addedName()) {
    loadAdded();
    if (addedProblem !== undefined) return 0;
  }
  return native.deviceCount(type);
}

/** The device names that work here, best first. */
export function availableDevices(): Device[] {
  const devices: Device[] = [];
  for (const type of ["cuda", addedName()])
    for (let i = 0; type !== undefined && i < countOf(type); i++) devices.push(`${type}:${i}` as Device);
  if (deviceCount("mps") > 0) devices.push("mps");
  devices.push("cpu");
  return devices;
}

/** Does nothing when `device` can be used. @throws with the reason when it cannot. */
export function requireDevice(device: Device): void {
  if (device === "cpu") return;
  const [, type = "", index = "0"] = /^(\w+)(?::(\d+))?$/.exec(device) ?? [];
  if (!["cuda", "mps", addedName()].includes(type))
    throw new Error(`unknown device "${device}"; it is cpu, cuda, cuda:N or mps`);
  const count = countOf(type);
  if (Number(index) < count) return;
  const problem = { cuda: cudaProblem, [addedName() ?? ""]: addedProblem }[type];
  const missing = type === "cuda" && count === 0 ? (problem ?? driverProblem()) : problem;
  const why = missing !== undefined ? `: ${missing}` : count > 0 ? `: there are only ${count}` : "";
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

/** The generation of an NVIDIA GPU, as its driver says; undefined of other devices, and where there is no driver. 8.0 and later
 *  multiply bfloat16, 8.9 and later float8. */
export function computeCapability(device: Device): { major: number; minor: number } | undefined {
  const match = /^cuda(?::(\d+))?$/.exec(device);
  if (match === null) return undefined;
  const [, index = "0"] = match;
  const [major, minor] = native.computeCapability(Number(index)) ?? [];
  return major === undefined || minor === undefined ? undefined : { major, minor };
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

/** A device, or this libtorch on it, has no such thing: nothing that passes. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
}

/** What libtorch says where it has no such operator, dtype or kernel: in its dispatcher, in its checks, or by way of CUDA. */
const REFUSALS =
  /there is no operator|has no overload|Could not run|support|not (?:yet |currently )?implemented|not enabled for build|no kernel image|invalid device function|CUBLAS_STATUS_ARCH_MISMATCH|Invalid scaling configuration|PrivateUse1HooksInterface|pin(?:ned |_)memory allocator|Cannot access accelerator/i;

/** And where something went wrong, whatever else the line says. */
const FAULTS = /out of memory|bad_alloc|(?:can(?:no|')t|[Ff]ailed to|unable to) allocate|INTERNAL ASSERT/;

/** @internal Whether a device takes what `body` does, found out by doing it. Only a refusal is a no. Any other error, such as memory that
 *  ran out at that moment, tells nothing of the device, and is not to be remembered as if it did.
 *  @param what that is asked, for messages: "cuda:0 has flash attention"
 *  @returns undefined where it does, else libtorch's reason
 *  @throws when it could not be found out */
export function refusalOf(what: string, body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    if (error instanceof UnsupportedError || (REFUSALS.test(reason) && !FAULTS.test(reason))) return reason;
    throw new Error(`it could not be found out whether ${what}: ${reason}. Try again once that is mended.`, {
      cause: error,
    });
  }
}
