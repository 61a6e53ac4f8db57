// @ts-check
/** A parser with every fault there is, for the test of what finds them: the input says which. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../packages/rediff/dist/errors.js";
import { textOf, utf8 } from "./bytes.mjs";
import { defineTarget } from "./target.mjs";

/** @type {unknown[]} */
const kept = [];

/** @type {Record<string, (folder: string) => unknown>} */
const faults = {
  fine: () => true,
  refuses: () => {
    throw new UserError("no such word");
  },
  raw: () => Reflect.get(Object(undefined), "x").y,
  words: () => {
    throw new UserError("cannot be read: ENOENT, no such file");
  },
  leaves: (folder) => writeFileSync(join(folder, "left.tmp"), ""),
  waits: () => new Promise((resolve) => setTimeout(resolve, 1500)),
  takes: () => kept.push(Buffer.alloc(100 << 20, 1)),
  asks: () => kept.push(new ArrayBuffer(1 << 30)),
  dies: () => process.abort(),
  exits: () => process.exit(0),
  rejects: () => new Promise(() => Promise.reject(new TypeError("nobody waits for this"))),
  hangs: () => {
    for (;;);
  },
};

export default defineTarget({
  covers: [],
  seeds: ["fine", "refuses"].map(utf8),
  run: (input, { folder }) => faults[textOf(input)]?.(folder) ?? false,
});
