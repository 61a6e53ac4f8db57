// npm run attack: a server of its own is attacked for a while, and a table says what became of it and of its neighbours.

import { join } from "node:path";
import { writeSection } from "../bench/report.mjs";
import { isBuilt, NAMES, runBattery } from "./battery.mjs";
import { parseOptions, runCommand } from "./command-line.mjs";
import { reportText, violations } from "./report.mjs";

const USAGE = `Usage: npm run attack -- [--seconds S] [--seed N] [--only KIND]

Starts "rediff serve" with the embedded model on a free port of 127.0.0.1 and attacks it, while one client asks for captions
and another for /health. Prints what was refused, answered and wrong, what the two noticed, memory, tensors, restarts.
The status is 1 when something did not hold; what, and how to have it again, is printed last.

  --seconds S   for how long, but each kind has one round at least (60)
  --seed N      which requests, in which order (1)
  --only KIND   one kind alone: ${NAMES.slice(0, 6).join(", ")},
                ${NAMES.slice(6, 12).join(", ")},
                ${NAMES.slice(12).join(", ")}
  --threads N   threads of the model (as many as cores)
  --margin N    allow N times the promised milliseconds and growth, and N - 1 times what an idle thread waits, on a
                machine that does other things too (1)
  --json        print JSON
  --write       put the tables into docs/security.md
  --verbose     pass on what the server says
`;

async function main() {
  const { help, json, write, verbose, only, threads, ...given } = parseOptions(["seconds", "margin", "threads"], NAMES);
  const options = { ...given, seconds: given.seconds ?? 60, margin: given.margin ?? 1 };
  if (help) return void process.stdout.write(USAGE);
  if (!isBuilt) throw new Error("rediff is not built: npm run setup");
  const log = (/** @type {string} */ line) => (verbose || !line.startsWith("  ")) && console.error(line);
  const outcome = await runBattery({
    ...options,
    ...(only !== undefined && { only }),
    ...(threads !== undefined && { threads }),
    log,
  });
  const found = violations(outcome, options);
  const text = reportText(outcome, options);
  process.stdout.write(
    json ? `${JSON.stringify({ ...options, ...outcome, violations: found }, undefined, 1)}\n` : `\n${text}\n`,
  );
  if (write)
    await writeSection(join(import.meta.dirname, "../docs/security.md"), "attack", "A long run of attacks", text);
  for (const { what, repeat } of found) console.error(`did not hold: ${what}\n  again: npm run attack -- ${repeat}`);
  if (found.length > 0) process.exitCode = 1;
}

await runCommand(main, USAGE);
