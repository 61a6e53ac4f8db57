// npm run attack:ranks: of four processes that train as one each is killed at every stage of a run, and so is their
// launcher; what comes of it is compared with the undisturbed run of one process. And of four that caption together three.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { conditions, table } from "../bench/report.mjs";
import { parseOptions, runCommand } from "./command-line.mjs";
import { killCaptioners } from "./rank-captions.mjs";
import { childrenOf, start } from "./rank-processes.mjs";
import { setUp } from "./train/course.mjs";

const PROCESSES = 4;
const STEPS = 8;
const STAGES = /** @type {const} */ (["first step", "step", "gather", "save", "export"]);

/** Captioned pictures, in place of steps. */
const CAPTIONS = "captions";
const PICTURES = 200;

const USAGE = `Usage: npm run attack:ranks -- [--seed N] [--only STAGE] [--pictures N] [--json]

Kills each of ${PROCESSES} processes of \`rediff launch --restarts 1 -- train\` (sharding full, a checkpoint after every step), and
the launcher itself, in every stage: ${STAGES.join(", ")}. After a rank's death the launcher has to start all
again; after its own, the processes have to end, and the same command goes on. Then every loss has to be that of one
process (to 1e-6), and no half-written checkpoint may be there. And ${CAPTIONS}: of ${PROCESSES} processes that caption ${PICTURES} tiny
pictures together, three are killed once each; the file has to be that of one process, byte for byte but for the times.
The status is 1 when something was wrong.

  --seed N      which moments of a step (1)
  --only STAGE  one stage alone; ${CAPTIONS} is one
  --pictures N  to caption (${PICTURES}); 10000 take some minutes
  --json        print JSON
`;

/** @typedef {Awaited<ReturnType<typeof setUp>>} Course */

/** @param {Course} course @param {string} output @param {string[]} more */
const training = (course, output, more) => [
  ...["train", course.recipe, `output=${output}`, `max_steps=${STEPS}`, "save.every=1", "save.keep=2", "workers=0"],
  ...["batch_size=1", "eps=1e-4", "logging.tensorboard=false", ...more],
];

/** @param {string} output @returns {number[]} */
function losses(output) {
  const lines = readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n");
  return lines.map((line) => Number(JSON.parse(line).loss));
}

/** @param {string} folder @param {RegExp} name */
const has = (folder, name) => existsSync(folder) && readdirSync(folder).some((one) => name.test(one));

/** Whether a stage is reached, looked at from outside. @param {typeof STAGES[number]} stage @param {string} output */
function isReached(stage, output) {
  if (stage === "first step") return existsSync(join(output, ".lock"));
  if (stage === "save") return has(output, /^\.checkpoint-3\.saving-/);
  if (stage === "export") return has(output, /^\.state\.saving-/);
  return has(output, /^checkpoint-2$/);
}

/** Kills one process in one stage; what is wrong with what comes of it, or undefined.
 *  @param {Course} course @param {{ stage: typeof STAGES[number], victim: number | "launcher", nth: number, right: number[] }} what */
async function tryKill(course, { stage, victim, nth, right }) {
  const output = join(course.folder, `run-${nth}`);
  const shared = ["gradient_accumulation_steps=1", "sharding=full"];
  const command = [
    "launch",
    "--nproc",
    String(PROCESSES),
    "--restarts",
    "1",
    "--",
    ...training(course, output, shared),
  ];
  const { child, ended } = start(command);
  while (child.exitCode === null && !isReached(stage, output)) await sleep(1);
  // A gather is what most of a step is: the moment is drawn.
  if (stage === "gather") await sleep((nth * 7919) % 40);
  const ranks = childrenOf(child.pid);
  const pid = victim === "launcher" ? child.pid : ranks[victim];
  if (pid === undefined || child.exitCode !== null) return "the stage was over before anything was killed";
  process.kill(pid, "SIGKILL");
  let { status, said } = await ended;
  if (victim === "launcher") {
    const until = Date.now() + 60_000;
    while (ranks.some((rank) => existsSync(`/proc/${rank}`))) {
      if (Date.now() > until) return "the processes go on without their launcher";
      await sleep(50);
    }
    ({ status, said } = await start(command).ended);
  } else if (!said.includes(`rank ${victim} was killed by SIGKILL`)) return `nobody names rank ${victim}: ${said}`;
  if (status !== 0) return `status ${status}: ${said}`;
  const found = losses(output);
  const wrong = right.findIndex((loss, i) => !(Math.abs((found[i] ?? Number.NaN) / loss - 1) < 1e-6));
  if (wrong >= 0 || found.length !== right.length)
    return `the loss of step ${wrong + 1} is ${found[wrong]}, not ${right[wrong]}`;
  const left = readdirSync(output).filter((name) => /^\.|rank|weights-/.test(name));
  if (left.length > 0) return `left behind: ${left.join(", ")}`;
  rmSync(output, { recursive: true });
  return undefined;
}

/** The losses of one process. @param {Course} course */
async function undisturbed(course) {
  const alone = join(course.folder, "alone");
  const first = await start(training(course, alone, [`gradient_accumulation_steps=${PROCESSES}`])).ended;
  if (first.status !== 0) throw new Error(`the undisturbed run ended with status ${first.status}: ${first.said}`);
  return losses(alone);
}

async function main() {
  const { help, json, only, seed, pictures = PICTURES } = parseOptions(["pictures"], [...STAGES, CAPTIONS]);
  if (help) return void process.stdout.write(USAGE);
  const folder = mkdtempSync(join(tmpdir(), "rediff-ranks-"));
  try {
    const course = await setUp(folder);
    const rows = [];
    if (only === undefined || only === CAPTIONS) {
      const problem = await killCaptioners({ folder, model: join(folder, "model"), pictures });
      rows.push({ stage: CAPTIONS, tried: 1, wrong: problem === undefined ? [] : [problem] });
    }
    const right = only === CAPTIONS ? [] : await undisturbed(course);
    let nth = seed;
    for (const stage of STAGES) {
      if (only !== undefined && only !== stage) continue;
      const wrong = [];
      const victims = /** @type {const} */ ([0, 1, 2, 3, "launcher"]);
      for (const victim of victims) {
        const problem = await tryKill(course, { stage, victim, nth: nth++, right });
        if (problem !== undefined) wrong.push(`${victim === "launcher" ? victim : `rank ${victim}`}: ${problem}`);
      }
      rows.push({ stage, tried: victims.length, wrong });
    }
    const lines = rows.map(({ stage, tried, wrong }) => [stage, tried, tried - wrong.length].map(String));
    const text = `${table([["killed in", "tried", "equal"], ...lines])}\n\n${conditions([], [`seed ${seed}`])}.`;
    process.stdout.write(json ? `${JSON.stringify(rows, undefined, 1)}\n` : `\n${text}\n`);
    for (const { stage, wrong } of rows) for (const what of wrong) console.error(`wrong: ${stage}: ${what}`);
    if (rows.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await runCommand(main, USAGE);
