// @ts-check
/** npm run demo:train: makes the embedded model from nothing: scenes, a curriculum, LLaDA-V's objective, ReDiff's two
 *  stages, and a control that is trained on for longer without ReDiff. Hours on a CPU. Every step goes on where it was
 *  cut off; steps that are done do nothing. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root, runScript, SetupError, setUp } from "./workspace.mjs";

const usage = `npm run demo:train -- [options]

  --scale F      shares of all data and updates, to try the chain out (default 1)
  --from STEP    begin with this step, although earlier ones may not be done
  --only STEP    this step alone
  --list         name the steps and their commands, run nothing
  --threads N    CPU threads of training (default 1: with more, a second busy program slows it down many times)
  --device D     of training (default cpu)
  --models DIR   where the stages go at the end (default models; of a smaller scale exp/demo/models)

Data goes to data/demo, models to exp/demo. With --scale 0.004 all of it takes minutes and the models know nothing:
clone the repository for that, since a later run goes on from what is there.`;

const data = "data/demo";
const exp = "exp/demo";
const EXPERT_PORT = 8137;
/** What is published, and what it is made of: the tower of each sees varied artwork at the end, by itself. */
const published = {
  llada_v: "llada_v",
  rediff_base: "rediff_base",
  continued: "control",
  rediff: "improve/round-3/model",
};

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      scale: { type: "string", default: "1" },
      from: { type: "string" },
      only: { type: "string" },
      list: { type: "boolean", default: false },
      threads: { type: "string", default: "1" },
      device: { type: "string", default: "cpu" },
      models: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1)) throw new SetupError(`--scale ${values.scale} is not between 0 and 1`, "Try 0.01.");
  const models = values.models ?? (scale === 1 ? "models" : `${exp}/models`);
  const steps = plan(scale, { threads: values.threads, device: values.device, models });
  const names = steps.map(({ name }) => name);
  for (const name of [values.from, values.only])
    if (name !== undefined && !names.includes(name))
      throw new SetupError(`there is no step ${name}`, `The steps are ${names.join(", ")}.`);
  const chosen = steps.filter(({ name }, i) =>
    values.only === undefined ? i >= names.indexOf(values.from ?? "scenes") : name === values.only,
  );
  if (values.list) {
    for (const { name, commands = [], beside, script } of chosen) {
      const lines = [
        ...commands.map((args) => ["rediff", ...args]),
        ...(script === undefined ? [] : [["node", ...script]]),
      ];
      if (beside !== undefined) lines.push(["rediff", ...beside, "(beside it)"]);
      console.log([`${name}:`, ...lines.map((words) => `  ${words.join(" ")}`)].join("\n"));
    }
    return 0;
  }
  await setUp({ quiet: true });
  mkdirSync(join(root, data), { recursive: true });
  for (const step of chosen) {
    if (step.output !== undefined && existsSync(join(root, step.output))) continue;
    console.log(`\n== ${step.name}`);
    const status = await runStep(step);
    if (status !== 0) return status;
  }
  return 0;
});

/**
 * @typedef {{ name: string, commands?: string[][], beside?: string[], script?: string[], output?: string }} Step commands of
 *   rediff, with another one beside them; or a script of node's. It is done when its output is there; without one, its
 *   commands know themselves
 */

/**
 * @param {number} scale
 * @param {{ threads: string, device: string, models: string }} machine
 * @returns {Step[]}
 */
function plan(scale, { threads, device, models }) {
  const count = (/** @type {number} */ whole, least = 64) => String(Math.max(least, Math.round(whole * scale)));
  const scenes = `${data}/train/scenes.jsonl`;
  /** @type {(name: string, whole: number, seed: number, more?: string[], least?: number) => Step} */
  const generate = (name, whole, seed, more = [], least = 64) => ({
    name: `scenes-${name}`,
    commands: [
      [
        "scenes",
        "generate",
        "--count",
        count(whole, least),
        "--seed",
        String(seed),
        "--output",
        `${data}/${name}`,
        ...more,
      ],
    ],
  });
  /** @type {(name: string, args: string[], of?: string) => Step} */
  const talk = (name, args, of = "train") => ({
    name: of === "train" ? `data-${name}` : `data-${of}`,
    output: `${data}/${of}/${name}.jsonl`,
    commands: [
      [
        ...["scenes", "conversations", "--truth", `${data}/${of}/scenes.jsonl`],
        ...["--output", `${data}/${of}/${name}.jsonl`, ...args],
      ],
    ],
  });
  const train = (/** @type {string} */ name, /** @type {number} */ updates) => ({
    name,
    commands: [
      [
        "train",
        `recipes/demo/${name}.yaml`,
        `device=${device}`,
        "--threads",
        threads,
        ...(scale === 1 ? [] : [`max_steps=${Math.max(4, Math.round(updates * scale))}`]),
      ],
    ],
  });
  /** @type {(name: string, from: string) => Step} */
  const varied = (name, from) => ({
    name: `varied-${name}`,
    output: `${exp}/varied/${name}/config.json`,
    commands: [
      [
        ...["scenes", "tower", "--varied", "--model", `${exp}/${from}`, "--output", `${exp}/varied/${name}`],
        ...["--threads", threads, "--batch", "16", "--learning-rate", "8e-4"],
        ...["--updates", String(Math.max(4, Math.round(1500 * scale)))],
      ],
    ],
  });
  const twice = (/** @type {string} */ word) => [word, word];
  // Of drafts by a model that knows little few can be corrected: a batch may not need more.
  const rounds = [`slice.count=${count(4000)}`, `evaluate.count=${count(200, 8)}`];
  const smallLoop = [...rounds, `train.set={batch_size: 8, max_steps: ${Math.max(4, Math.round(600 * scale))}}`];
  const several = ["--groups", "2", "3", "4"];
  const facts = [
    ...[...twice("names"), "names", ...twice("positions"), "positions"],
    ...[...twice("numbers"), "colors", "relations"],
  ];
  return [
    { ...generate("train", 100_000, 11), name: "scenes" },
    generate("loop", 12_000, 12, [], 192),
    generate("held-out", 400, 2),
    talk("one-forms", [
      "--groups",
      "1",
      "--task",
      "caption",
      "cells",
      "--blanks",
      "names",
      ...twice("positions"),
      "--seed",
      "42",
    ]),
    talk("many-forms", [...several, "--task", "caption", "--blanks", "names", "positions", "--seed", "33"]),
    talk("cells", ["--task", "cells", "--blanks", ...twice("names"), ...twice("positions"), "numbers", "--seed", "12"]),
    talk("forms", ["--task", "caption", "--blanks", ...facts, "--seed", "13"]),
    talk("colors", ["--task", "caption", "color", "--blanks", "colors", "--seed", "16"]),
    talk("related", ["--task", "caption", "--count", "4", "--blanks", "related", "--only-blanks", "--seed", "17"]),
    talk("whole", ["--task", "caption", "--blanks", "text", "--seed", "14"]),
    talk("captions", ["--task", "caption", "--count", "2", "--seed", "4"]),
    talk("questions", ["--task", "where", "what", "number", "color", "there", "relation", "--seed", "15"]),
    talk("foreign", [
      ...["--groups", "1", "2", "3", "--task", "caption", "caption", "where", "what", "number", "there", "color"],
      ...["--foreign", "--seed", "16"],
    ]),
    {
      name: "data-foreign-errors",
      output: `${data}/train/foreign-errors.jsonl`,
      commands: [
        [
          ...["scenes", "corrupt", "--truth", scenes, "--seed", "8", "--foreign"],
          ...["--kinds", "object", "position", "number", "--output", `${data}/train/foreign-errors.jsonl`],
        ],
      ],
    },
    {
      name: "data-errors",
      output: `${data}/train/errors.jsonl`,
      commands: [
        [
          ...["scenes", "corrupt", "--truth", scenes, "--seed", "5"],
          ...["--kinds", "object", "position", "number", "relation", "--output", `${data}/train/errors.jsonl`],
        ],
      ],
    },
    {
      name: "data-two-errors",
      output: `${data}/train/two-errors.jsonl`,
      commands: [
        [
          ...["scenes", "corrupt", "--truth", scenes, "--seed", "6", "--errors", "2"],
          ...["--kinds", "object", "position", "number", "relation", "--output", `${data}/train/two-errors.jsonl`],
        ],
      ],
    },
    {
      name: "start",
      output: `${exp}/start/config.json`,
      commands: [["scenes", "model", "--output", `${exp}/start`]],
    },
    {
      name: "tower",
      output: `${exp}/tower/config.json`,
      commands: [
        [
          ...["scenes", "tower", "--model", `${exp}/start`, "--output", `${exp}/tower`, "--threads", threads],
          ...["--updates", String(Math.max(4, Math.round(1600 * scale)))],
        ],
      ],
    },
    train("align-one", 676),
    train("align", 2745),
    train("llada-v-captions", 6283),
    train("llada-v-colors", 1000),
    train("llada-v-long", 4000),
    train("llada-v-related", 750),
    train("llada-v-tower", 3000),
    train("llada-v", 3000),
    train("continued-forms", 3600),
    train("continued", 2690),
    train("rediff-stage1", 2687),
    {
      name: "improve",
      beside: [
        "scenes",
        "expert",
        "--truth",
        `${data}/loop/scenes.jsonl`,
        "--port",
        String(EXPERT_PORT),
        "--shorter",
        "4",
      ],
      commands: [["improve", "recipes/demo/improve.yaml", ...(scale === 1 ? [] : smallLoop)]],
    },
    {
      // The control is an average of its own way from stage to stage, as each round of improve is.
      name: "control",
      output: `${exp}/control/config.json`,
      script: [
        "packages/rediff/dist/demo/publish-main.js",
        ["llada_v", "continued_forms", "continued"].map((stage) => `${exp}/${stage}`).join(","),
        `${exp}/control`,
      ],
    },
    ...Object.entries(published).map(([name, from]) => varied(name, from)),
    {
      name: "publish",
      script: [
        "packages/rediff/dist/demo/publish-main.js",
        ...Object.keys(published).flatMap((name) => [
          `${exp}/varied/${name}`,
          join(models, name === "rediff" ? "demo" : `demo-stages/${name}`),
        ]),
      ],
    },
  ];
}

/**
 * @param {Step} step
 * @returns {Promise<number>}
 */
async function runStep({ commands = [], beside, script }) {
  const helper = beside === undefined ? undefined : start(beside);
  try {
    for (const args of commands) {
      const status = await finished(start(args));
      if (status !== 0) return status;
    }
    return script === undefined ? 0 : await finished(spawn(process.execPath, script, { cwd: root, stdio: "inherit" }));
  } finally {
    helper?.kill();
  }
}

/** @param {string[]} args of rediff */
function start(args) {
  const launcher = join(root, "packages", "rediff", "bin", "rediff.mjs");
  return spawn(process.execPath, [launcher, ...args], { cwd: root, stdio: "inherit" });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
function finished(child) {
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 1));
  });
}
