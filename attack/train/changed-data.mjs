// Data that is other data when a run goes on: refused with what has changed, and gone on with where that is meant.

import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isClear } from "./count.mjs";
import { COURSES, writeRecords } from "./course.mjs";
import { checkpoints, train } from "./runs.mjs";

/** Two files of records. @typedef {{ a: string, b: string, c: string }} Files `c` is not there at first */
/**
 * What is done to them, and what the refusal names.
 * @type {readonly { name: string, change: (files: Files) => void, data?: (files: Files) => string, names: RegExp }[]}
 */
const CHANGES = [
  {
    name: "one letter of a record",
    change: ({ a }) => edit(a, (text) => text.replace("very small", "vary small")),
    names: /a\.jsonl: its content has changed/,
  },
  {
    name: "two records changed places",
    change: ({ a }) => edit(a, (text) => text.replace(/^(.*)\n(.*)\n/, "$2\n$1\n")),
    names: /a\.jsonl: its content has changed/,
  },
  {
    name: "a record more",
    change: ({ a }) => edit(a, (text) => text + text.slice(0, text.indexOf("\n") + 1)),
    names: /a\.jsonl: was 24 records, is 25/,
  },
  {
    name: "a record less",
    change: ({ b }) => edit(b, (text) => text.slice(text.indexOf("\n") + 1)),
    names: /b\.jsonl: was 24 records, is 23/,
  },
  {
    name: "some bytes more in as many records",
    change: ({ b }) => edit(b, (text) => text.replaceAll("very", "very, very")),
    names: /b\.jsonl: was \d+ bytes, is \d+/,
  },
  {
    name: "two files changed places",
    change: ({ a, b, c }) => {
      renameSync(a, c);
      renameSync(b, a);
      renameSync(c, b);
    },
    names: /a\.jsonl: .*b\.jsonl: /,
  },
  {
    name: "another order in the recipe",
    change: () => {},
    data: ({ a, b }) => `[${b}, ${a}]`,
    names: /data: was .*a\.jsonl.* is .*b\.jsonl/,
  },
  {
    name: "a file under another name",
    change: ({ a, c }) => copyFileSync(a, c),
    data: ({ b, c }) => `[${c}, ${b}]`,
    names: /data: was .*a\.jsonl.* is .*c\.jsonl/,
  },
];

/** @param {string} file @param {(text: string) => string} change */
function edit(file, change) {
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`nothing has changed in ${file}`);
  writeFileSync(file, after);
}

/**
 * @param {import("./battery.mjs").Context} context
 * @param {{ most: number }} options kinds of changes
 */
export async function changedData({ course, random, counts, log }, { most }) {
  for (const { name, change, data, names } of random.sample(CHANGES, most)) {
    log(`  ${name}`);
    const output = join(course.folder, `changed ${name}`);
    const of = (/** @type {string} */ letter) => join(course.folder, `${name.replaceAll(" ", "-")}-${letter}.jsonl`);
    const files = { a: of("a"), b: of("b"), c: of("c") };
    writeRecords(files.a);
    writeRecords(files.b, (i) => (i + 3) % 5);
    const args = (/** @type {string} */ list) => [
      ...[course.recipe, ...(COURSES["language and projector"] ?? [])],
      ...[`output=${output}`, `data=${list}`],
    ];
    const before = args(`[${files.a}, ${files.b}]`);
    const first = await train(before, { kill: { root: output, pattern: "^rename checkpoint-", nth: 4, half: false } });
    change(files);
    const after = data === undefined ? before : args(data(files));
    const refused = await train(after);
    const steps = checkpoints(output).map(({ step }) => step);
    const accepted = data === undefined ? await train([...after, "--accept-changed-data"]) : undefined;
    const trouble =
      first.signal !== "SIGKILL"
        ? `the first start ended with ${first.status}: ${first.said}`
        : refused.status === 0
          ? "it went on in silence"
          : !isClear(refused.said) || !names.test(refused.said)
            ? `says ${refused.said}`
            : steps.length === 0
              ? "the refusal cost the checkpoints"
              : accepted !== undefined && accepted.status !== 0
                ? `--accept-changed-data ended with ${accepted.status}: ${accepted.said}`
                : accepted !== undefined && !/has changed since .*; going on/.test(accepted.said)
                  ? `--accept-changed-data goes on in silence: ${accepted.said}`
                  : undefined;
    const row = counts.of(`data: ${name}`);
    if (trouble === undefined) row.right("refused");
    else row.fail(trouble);
  }
}
