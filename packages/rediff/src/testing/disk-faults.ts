/** A disk that fails when a test says so: every call of Node's that changes something below a folder is counted, and one
 *  of them fails, or is the last that the process makes. Nothing of the product knows of it.
 *
 *  A call is one system call, or a few that Node makes of it; a write that is the last may have brought half of its
 *  bytes to the disk (`half`), and a removal half of a folder. */
import fs, { promises } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join, relative, resolve } from "node:path";

export interface DiskFault {
  /** The call, from 0; or what tells it, "write checkpoint-2/model.safetensors", from the others. */
  at: number | ((call: string) => boolean);
  /** What becomes of it: "dies" ends all calls from it on, as a kill does; the others are what the system says. Space
   *  that is used up stays so for all that needs some; a file system that is read-only, or broken, for all calls. */
  how: "dies" | "ENOSPC" | "EDQUOT" | "EROFS" | "EACCES" | "EIO";
  /** Half of it is done. */
  half?: boolean;
}

export interface FaultyDisk extends Disposable {
  /** What was called, "write checkpoint-2/model.safetensors", up to the end or the first failure. */
  readonly calls: readonly string[];
}

/** What the calls of a process that is no more throw. */
export class Died extends Error {}

/** Watches all below `root` until it is disposed; only one at a time.
 *  @param onDeath in place of `Died` */
export function faultyDisk(root: string, fault?: DiskFault, onDeath?: () => void): FaultyDisk {
  const watch = new Watch(resolve(root), fault, onDeath);
  watch.install();
  return { calls: watch.calls, [Symbol.dispose]: () => watch.remove() };
}

const MESSAGES = {
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EROFS: "read-only file system",
  EACCES: "permission denied",
  EIO: "i/o error",
} as const;

/** Calls that need room. */
const GROWING = new Set(["open", "write", "writeFile", "appendFile", "mkdir", "copyFile", "rename", "link", "sync"]);

type Call = (...args: unknown[]) => unknown;
type Target = Record<string, unknown>;

/** By the name that it has in node:fs/promises; the sync one has "Sync" behind it. */
const NAMES = "open writeFile appendFile rename rm rmdir unlink mkdir copyFile link truncate utimes".split(" ");
const HANDLE_NAMES = ["write", "writeFile", "appendFile", "sync", "datasync", "truncate"];

class Watch {
  readonly calls: string[] = [];
  #failing = false;
  #undo: (() => void)[] = [];
  readonly #paths = new Map<number, string>();
  readonly #handles = new WeakMap<object, string>();

  constructor(
    private readonly root: string,
    private readonly fault: DiskFault | undefined,
    private readonly onDeath: (() => void) | undefined,
  ) {}

  install(): void {
    for (const name of NAMES) {
      this.#wrap(promises as unknown as Target, name, (own, args) => this.#asyncCall(name, own, args));
      this.#wrap(fs as unknown as Target, `${name}Sync`, (own, args) => this.#syncCall(name, own, args));
    }
    for (const [name, what] of [
      ["writeSync", "write"],
      ["fsyncSync", "sync"],
      ["ftruncateSync", "truncate"],
    ] as const)
      this.#wrap(fs as unknown as Target, name, (own, args) =>
        this.#fileCall(what, this.#paths.get(Number(args[0])), own, args),
      );
    syncBuiltinESMExports();
  }

  remove(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
    syncBuiltinESMExports();
  }

  #wrap(target: Target, name: string, call: (own: Call, args: unknown[]) => unknown): void {
    const own = target[name] as Call;
    target[name] = function (this: unknown, ...args: unknown[]) {
      return call(own.bind(this), args);
    };
    this.#undo.push(() => {
      target[name] = own;
    });
  }

  #syncCall(name: string, own: Call, args: unknown[]): unknown {
    const path = this.#pathOf(name, args);
    if (path === undefined) return own(...args);
    const half = this.#count(name, path);
    if (half !== undefined) half(() => void halfOf(name, args));
    const result = own(...args);
    if (name === "open") this.#paths.set(Number(result), path);
    return result;
  }

  async #asyncCall(name: string, own: Call, args: unknown[]): Promise<unknown> {
    const path = this.#pathOf(name, args);
    if (path === undefined) return await own(...args);
    const half = this.#count(name, path);
    if (half !== undefined) half(() => void halfOf(name, args));
    const result = await own(...args);
    if (name === "open") this.#wrapHandle(result as FileHandle, path);
    return result;
  }

  #wrapHandle(handle: FileHandle, path: string): void {
    this.#handles.set(handle, path);
    for (const name of HANDLE_NAMES) {
      const own = (handle as unknown as Target)[name] as Call;
      (handle as unknown as Target)[name] = async (...args: unknown[]) =>
        this.#fileCall(name.replace("data", ""), path, own.bind(handle), args, handle.fd);
    }
  }

  /** Of an open file. */
  #fileCall(name: string, path: string | undefined, own: Call, args: unknown[], fd = Number(args[0])): unknown {
    if (path === undefined) return own(...args);
    const half = this.#count(name, path);
    if (half !== undefined) half(() => writeHalf(fd, args));
    return own(...args);
  }

  /** Undefined for what changes nothing below the root. */
  #pathOf(name: string, args: unknown[]): string | undefined {
    if (name === "open" && (args[1] === undefined || args[1] === "r" || typeof args[1] === "number")) return undefined;
    const given = args[name === "copyFile" || name === "link" || name === "rename" ? 1 : 0];
    if (typeof given === "object" && given !== null && this.#handles.has(given)) return undefined;
    const path = typeof given === "number" ? this.#paths.get(given) : resolve(String(given));
    return path === undefined || relative(this.root, path).startsWith("..") ? undefined : path;
  }

  /** Counts a call; returns undefined for one that is made as it is, else what fails after half of it is done. */
  #count(name: string, path: string): ((doHalf: () => void) => never) | undefined {
    const { fault } = this;
    if (this.#failing) {
      if (fault?.how === "dies") throw new Died();
      const isOutOfRoom = fault?.how === "ENOSPC" || fault?.how === "EDQUOT";
      if (isOutOfRoom && !GROWING.has(name)) return undefined;
      throw this.#error(name, path);
    }
    const call = `${name} ${relative(this.root, path) || "."}`;
    this.calls.push(call);
    if (fault === undefined) return undefined;
    if (typeof fault.at === "number" ? this.calls.length - 1 !== fault.at : !fault.at(call)) return undefined;
    return (doHalf) => {
      if (fault.half) doHalf();
      this.#failing = true;
      if (fault.how !== "dies") throw this.#error(name, path);
      this.onDeath?.();
      throw new Died();
    };
  }

  #error(name: string, path: string): Error {
    const code = this.fault?.how;
    if (code === undefined || code === "dies") return new Died();
    return Object.assign(new Error(`${code}: ${MESSAGES[code]}, ${name} '${path}'`), { code, syscall: name, path });
  }
}

/** Straight to the system, past all that is watched. */
const own = { writeSync: fs.writeSync, openSync: fs.openSync, closeSync: fs.closeSync, rmSync: fs.rmSync };

function writeHalf(fd: number, args: unknown[]): void {
  const content = args.find((arg): arg is string | Uint8Array => typeof arg === "string" || arg instanceof Uint8Array);
  if (content === undefined) return;
  const bytes = Buffer.from(content as Uint8Array);
  own.writeSync(fd, bytes.subarray(0, bytes.length >> 1));
}

function halfOf(name: string, args: unknown[]): void {
  const path = String(args[0]);
  if (name === "writeFile" || name === "appendFile") {
    const file = own.openSync(path, name === "writeFile" ? "w" : "a");
    writeHalf(file, [args[1]]);
    own.closeSync(file);
  } else if (name === "copyFile") {
    const file = own.openSync(String(args[1]), "w");
    writeHalf(file, [fs.readFileSync(path)]);
    own.closeSync(file);
  } else if (name === "rm" && fs.existsSync(path) && fs.statSync(path).isDirectory()) {
    const names = fs.readdirSync(path);
    for (const inner of names.slice(0, names.length >> 1)) own.rmSync(join(path, inner), { recursive: true });
  }
}
