/** docs/training.md, "The first training", as somebody types it after a clone: its commands, with fewer pictures and
 *  steps. */
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { rediff } from "../../testing/command-line.js";
import { folderOfTest } from "../../testing/folders.js";

const repository = fileURLToPath(new URL("../../../../../", import.meta.url));

/** The commands of the section, as lists of words. */
function commands(): string[][] {
  const page = readFileSync(join(repository, "docs/training.md"), "utf8");
  const section = /## The first training\n([\s\S]*?)\n## /.exec(page)?.[1] ?? "";
  return [...section.matchAll(/^npx rediff (.*)$/gm)].map(([, line = ""]) =>
    line.replace(/ #.*$/, "").trim().split(/\s+/),
  );
}

const SHORTER = ["max_steps=2", "batch_size=2", "workers=0", "evaluate.every=1", "evaluate.limit=2"];

test("the commands of the first training work in a fresh clone", async () => {
  const clone = folderOfTest();
  for (const name of ["models", "recipes"]) symlinkSync(join(repository, name), join(clone, name));
  const results = [];
  for (const words of commands()) {
    const shorter = words.map((word, i) => (words[i - 1] === "--count" ? "12" : word));
    const args = words[0] === "train" ? [...shorter, ...SHORTER] : shorter;
    const { status, stdout, stderr } = await rediff(args, { cwd: clone });
    expect(status, `${args.join(" ")}\n${stderr}`).toBe(0);
    results.push({ command: words[0], stdout, stderr });
  }
  expect(results.map(({ command }) => command)).toEqual(["scenes", "caption", "train", "caption"]);
  const [, before, training, after] = results;
  expect(training?.stderr).toMatch(/12 samples, 2 steps; .*float32 on cpu/);
  expect(training?.stderr).toMatch(/step 2 of 2 {2}loss \d/);
  expect(training?.stderr).toMatch(/held-out loss after step 2: \d/);
  for (const caption of [before, after]) expect(caption?.stdout).toMatch(/\w+ .*\.\n$/);
}, 120_000);
