// One side of a comparison: a child process that answers JSON lines. See reference/protocol.py for the protocol.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * @typedef {object} Side
 * @property {string} name heading of its column
 * @property {Record<string, unknown>} hello what it said of itself at the start: versions, threads, load time
 * @property {(request: object) => Promise<any>} run one request at a time; rejects when the other side failed
 * @property {() => Promise<void>} close
 */

/**
 * Starts a side and waits until it is ready.
 *
 * @param {{ name: string, command: string, args: string[], env?: Record<string, string>, verbose?: boolean }} options
 * @returns {Promise<Side>}
 */
export async function startSide({ name, command, args, env = {}, verbose = false }) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  const errors = keepTail(child.stderr, verbose);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on("error", () => {}); // a dead process shows at the next read
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("exit", (code, signal) => resolve(`ended with ${signal ?? `status ${code}`}`));
  });

  async function read() {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ${await ended}. Its last lines:\n${errors()}`);
    return JSON.parse(value);
  }

  const { ready, ...hello } = await read();
  if (!ready) throw new Error(`${name} did not announce itself, but wrote ${JSON.stringify(hello)}`);
  return {
    name,
    hello,
    async run(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const reply = await read();
      if (reply.error !== undefined) throw new Error(`${name}: ${reply.error}\n${errors()}`);
      return reply;
    },
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Remembers the last lines of a stream; passes them on as well when `verbose`. */
function keepTail(stream, verbose, count = 20) {
  const tail = [];
  createInterface({ input: stream }).on("line", (line) => {
    if (verbose) console.error(line);
    tail.push(line);
    if (tail.length > count) tail.shift();
  });
  return () => tail.join("\n");
}

/**
 * Starters of the sides that a comparison on a checkpoint asks for: `reference/NAME.py` and `engine/NAME.mjs`.
 *
 * @param {string} name
 * @param {string} checkpoint folder
 * @param {{ reference?: string, python?: string, only?: string, threads: number, verbose: boolean }} options
 */
export function startersOf(name, checkpoint, { reference, python, only, threads, verbose }) {
  const here = import.meta.dirname;
  return choose(only, {
    reference: referenceStarter(name, checkpoint, { clone: reference, python, threads, verbose }),
    engine: () =>
      startSide({
        name: "rediff",
        command: process.execPath,
        args: [join(here, `engine/${name}.mjs`), checkpoint, String(threads)],
        verbose,
      }),
  });
}

/**
 * Starter of `reference/NAME.py` on a clone of an original, or of a variant of it.
 *
 * @param {string} name
 * @param {string} checkpoint folder
 * @param {{ clone?: string, python?: string, threads: number, verbose: boolean, title?: string, variant?: string }} options
 */
export function referenceStarter(name, checkpoint, options) {
  const { clone, python, threads, verbose, title = "reference", variant } = options;
  return () =>
    startSide({
      name: title,
      command: python,
      args: [
        join(import.meta.dirname, `reference/${name}.py`),
        ...["--clone", clone, "--checkpoint", checkpoint, "--threads", String(threads)],
        ...(variant === undefined ? [] : ["--variant", variant]),
      ],
      env: { PYTHONDONTWRITEBYTECODE: "1" },
      verbose,
    });
}

/** Both sides' starters, the reference's first, or the one that is asked for. */
export function choose(only, starters) {
  return only === undefined ? [starters.reference, starters.engine] : [starters[only]];
}

/** Starts all sides, runs `body` with them, and closes what was started whatever happens. */
export async function withSides(starters, body) {
  const sides = [];
  try {
    for (const start of starters) sides.push(await start());
    return await body(sides);
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

/**
 * Asks every side the same thing `repeats` times, taking turns: A B, B A, A B, so that neither always runs on the
 * warmer or the busier machine. `onReply(repeat, side, reply)` is told of each.
 *
 * @returns {Promise<any[][]>} replies[side][repeat]
 */
export async function interleave(sides, repeats, request, onReply = () => {}) {
  const replies = sides.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const order = sides.map((_, index) => index);
    if (repeat % 2 === 1) order.reverse();
    for (const index of order) {
      const reply = await sides[index].run({ id: repeat, ...request });
      replies[index].push(reply);
      onReply(repeat, sides[index], reply);
    }
  }
  return replies;
}
