/** All tasks by name, with the protocols that each can be scored by, and groups of tasks. */
import { UserError } from "../errors.js";
import { nearestName } from "../options/near-name.js";
import type { Protocol } from "./protocols.js";
import type { Task } from "./task.js";
import { chartqa } from "./tasks/answer/chartqa.js";
import { docvqa, docvqaOriginal, docvqaStock, infovqa, infovqaOriginal, infovqaStock } from "./tasks/answer/docvqa.js";
import { mathverseDominant, mathverseIntensive, mathverseOnly } from "./tasks/answer/mathverse.js";
import { mathvista } from "./tasks/answer/mathvista.js";
import { mme } from "./tasks/answer/mme.js";
import { pope, popeOfficial, popeStock } from "./tasks/answer/pope.js";
import { docvqaTest, infovqaTest } from "./tasks/answer/test-splits.js";
import { cocoCaption, cocoCaptionTest } from "./tasks/caption/coco-caption.js";
import { caparena, clair, coverage, factuality } from "./tasks/caption/judged-captions.js";
import { sceneCaptions, sceneCombinations, sceneStyles } from "./tasks/caption/scene-captions.js";
import { ai2d } from "./tasks/choice/ai2d.js";
import { mlvu, mlvuOriginal, mlvuStock } from "./tasks/choice/mlvu.js";
import { mmbench, mmbenchOriginal, mmbenchStatic } from "./tasks/choice/mmbench.js";
import { mmbenchTest } from "./tasks/choice/mmbench-test.js";
import { mmmu, mmmuTest } from "./tasks/choice/mmmu.js";
import { mmmuProStandard, mmmuProVision } from "./tasks/choice/mmmu-pro.js";
import { mmstar, mmstarStock } from "./tasks/choice/mmstar.js";
import { muirbench } from "./tasks/choice/muirbench.js";
import { realworldqa } from "./tasks/choice/realworldqa.js";
import { seedbench } from "./tasks/choice/seedbench.js";
import { videomme, videommeStock } from "./tasks/choice/videomme.js";

/** The first is the default. */
type Protocols = readonly [readonly [Protocol, Task], ...(readonly [Protocol, Task])[]];

/** Scored alike by both. */
const published = (task: Task): Protocols => [
  ["rediff", task],
  ["llada-v", task],
];

const only =
  (protocol: Protocol) =>
  (task: Task): Protocols => [[protocol, task]];

const entries: readonly Protocols[] = [
  published(mmmu),
  published(mmmuProStandard),
  published(mmmuProVision),
  [...published(mmstar), ["lmms-eval", mmstarStock]],
  published(ai2d),
  published(seedbench),
  [
    ["rediff", mmbench],
    ["llada-v", mmbenchOriginal],
    ["lmms-eval", mmbenchStatic],
  ],
  published(muirbench),
  [...published(videomme), ["lmms-eval", videommeStock]],
  [
    ["rediff", mlvu],
    ["llada-v", mlvuOriginal],
    ["lmms-eval", mlvuStock],
  ],
  published(mme),
  published(realworldqa),
  published(chartqa),
  [
    ["rediff", docvqa],
    ["llada-v", docvqaOriginal],
    ["lmms-eval", docvqaStock],
  ],
  [
    ["rediff", infovqa],
    ["llada-v", infovqaOriginal],
    ["lmms-eval", infovqaStock],
  ],
  published(mathvista),
  published(mathverseIntensive),
  published(mathverseDominant),
  published(mathverseOnly),
  [
    ["rediff", pope],
    ["official", popeOfficial],
    ["lmms-eval", popeStock],
  ],
  [["lmms-eval", cocoCaption]],
  ...[sceneCaptions, sceneStyles, sceneCombinations, clair, coverage, factuality, caparena].map(only("rediff")),
  ...[mmmuTest, mmbenchTest, docvqaTest, infovqaTest, cocoCaptionTest].map(only("lmms-eval")),
];

const byName = new Map(entries.map((protocols) => [protocols[0][1].name, protocols]));

export interface TaskGroup {
  name: string;
  about: string;
  tasks: readonly string[];
}

const mathverse = ["intensive", "dominant", "only"].map((version) => `mathverse_testmini_vision_${version}`);

export const taskGroups: readonly TaskGroup[] = [
  {
    name: "scenes",
    about: "what the embedded model can do; made on the spot, without a download",
    tasks: ["scenes_caption", "scenes_style", "scenes_combinations"],
  },
  { name: "captions", about: "ReDiff's caption suites, by a judge", tasks: ["clair", "coverage", "factuality"] },
  { name: "mathverse_testmini_vision", about: "MathVerse's three versions with pictures", tasks: mathverse },
  {
    name: "llada-v",
    about: "all that LLaDA-V's paper reports",
    tasks: [...byName.keys()].filter((name) => byName.get(name)?.some(([protocol]) => protocol === "llada-v")),
  },
];

export interface TaskListing {
  name: string;
  about: string;
  protocols: readonly Protocol[];
  /** The default protocol's. */
  task: Task;
}

export const listTasks = (): TaskListing[] =>
  [...byName].map(([name, all]) => {
    const [[, task]] = all;
    return { name, about: task.about, protocols: all.map(([protocol]) => protocol), task };
  });

/** Tasks for which the user has to bring something: `open-tasks.ts` makes them. */
export const furnishedTasks = {
  coco_cap_chair: "CHAIR, with the benchmark's table of words for objects (--synonyms FILE)",
  capture: "CAPTURE, with a parser and an encoder (--capture-parts MODULE)",
} as const;
export type FurnishedTask = keyof typeof furnishedTasks;

export const isFurnished = (name: string): name is FurnishedTask => Object.hasOwn(furnishedTasks, name);

/** @throws UserError for a name that there is not, or a protocol that the task has not */
export function findTask(name: string, protocol?: Protocol): { task: Task; protocol: Protocol } {
  const all = byName.get(name);
  if (all === undefined) throw unknownTask(name);
  const found = protocol === undefined ? all[0] : all.find(([own]) => own === protocol);
  if (found === undefined) {
    const known = all.map(([own]) => own).join(", ");
    throw new UserError(`${name} has no protocol ${protocol}`, `It can be scored by ${known}.`);
  }
  return { protocol: found[0], task: found[1] };
}

/** Names of tasks and groups, each task once. */
export function expandTasks(names: readonly string[]): string[] {
  const all = names.flatMap((name) => {
    const group = taskGroups.find((one) => one.name === name);
    if (group !== undefined) return group.tasks;
    if (!byName.has(name) && !isFurnished(name)) throw unknownTask(name);
    return [name];
  });
  return [...new Set(all)];
}

function unknownTask(name: string): UserError {
  const known = [...byName.keys(), ...Object.keys(furnishedTasks), ...taskGroups.map((group) => group.name)];
  const near = nearestName(name, known);
  const hint = near === undefined ? `There are ${known.join(", ")}.` : `Did you mean ${near}?`;
  return new UserError(`no task is called ${name}`, hint);
}
