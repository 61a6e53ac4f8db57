// What a call costs: small operations through @rediff/torch and through Python's torch, in turns.

import { join } from "node:path";
import { conditions, median, table } from "./report.mjs";
import { choose, interleave, startSide, withSides } from "./side.mjs";

// Models open a scope per layer, not per operator: that case is timed beside the dearest one, a scope for each call.
const CASES = [
  { op: "add", title: "add, 16x16", calls: 19_200, per_scope: 1 },
  { op: "add", title: "add, 16x16, 48 to a scope", calls: 19_200, per_scope: 48 },
  { op: "matmul", title: "matmul, 64x64", calls: 9600, per_scope: 1 },
  { op: "block", title: "transformer block, width 64, 16 positions", calls: 960, per_scope: 1 },
];
const MODES = ["no_grad", "inference_mode"];

/**
 * @param {{ python?: string, only?: string, threads: number, repeats: number, verbose: boolean,
 *   log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }>}
 */
export async function benchOverhead({ python, only, threads, repeats, verbose, log }) {
  const here = import.meta.dirname;
  const args = [join(here, "reference/overhead.py"), "--threads", String(threads)];
  const env = { PYTHONDONTWRITEBYTECODE: "1" };
  const reference = () => startSide({ name: "Python", command: python, args, env, verbose });
  const engine = () =>
    startSide({
      name: "rediff",
      command: process.execPath,
      args: [join(here, "engine/overhead.mjs"), String(threads)],
      verbose,
    });

  return withSides(choose(only, { reference, engine }), async (sides) => {
    const both = sides.length === 2;
    const rows = [["call", "mode", ...sides.map(({ name }) => `${name}, us`), ...(both ? ["speed"] : [])]];
    const wrong = [];
    for (const { title, ...request } of CASES) {
      for (const mode of MODES) {
        const replies = await interleave(sides, repeats, { ...request, mode, batches: 5 });
        const micros = replies.map((side) => side.map((reply) => Math.min(...reply.seconds_per_call) * 1e6));
        rows.push([
          title,
          mode,
          ...micros.map(fastest),
          ...(both ? [`${(Math.min(...micros[0]) / Math.min(...micros[1])).toFixed(2)}x`] : []),
        ]);
        if (!agree(replies.flat().map((reply) => reply.check))) wrong.push(`${title} ${mode}`);
        log(rows.at(-1).join(" | "));
      }
    }
    const verdict = wrong.length === 0 ? "Both give the same numbers." : `**Different numbers: ${wrong.join(", ")}.**`;
    return {
      name: "overhead",
      title: "Time per call",
      text: [
        `Microseconds, the fastest (median) of ${repeats} runs that took turns: other programs and the processor's ` +
          "changing clock only ever add. A call includes freeing what it made (rediff: by the scope around it).",
        "",
        table(rows),
        "",
        `${both ? `${verdict} ` : ""}${conditions(sides)}`,
      ].join("\n"),
      ok: wrong.length === 0,
    };
  });
}

const fastest = (values) => `${Math.min(...values).toFixed(2)} (${median(values).toFixed(2)})`;

function agree(checks) {
  const scale = Math.max(1, ...checks.map(Math.abs));
  return checks.every((check) => Math.abs(check - checks[0]) <= 1e-4 * scale);
}
