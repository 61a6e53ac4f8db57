/** The chain that makes the embedded model: its steps as they are listed, and where they end. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(...args: string[]): { status: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/demo-train.mjs", ...args], {
    cwd: root,
    encoding: "utf8",
  });
  return { status, out: stdout, error: stderr };
}

test("every step is listed with its commands, and every recipe is there", () => {
  const { out } = run("--list");
  const recipes = [...out.matchAll(/recipes\/demo\/[\w-]+\.yaml/g)].map(([path]) => path);
  expect(recipes.length).toBeGreaterThan(6);
  for (const recipe of recipes) expect(existsSync(`${root}${recipe}`), recipe).toBe(true);
  // Data that recipes name is made, each file by one step.
  const outputs = [...out.matchAll(/--output (data\/demo\/\S+\.jsonl)/g)].map(([, path]) => path);
  expect(new Set(outputs).size).toBe(outputs.length);
  expect(out).toMatch(
    /publish:\n {2}node .* exp\/demo\/varied\/llada_v models\/demo-stages\/llada_v .* models\/demo\n/,
  );
  // What is published has seen varied artwork, the control as well.
  const towers = [...out.matchAll(/--varied --model (\S+) --output (\S+)/g)];
  expect(towers.length).toBe(4);
  for (const [, , to] of towers) expect(out).toMatch(new RegExp(` ${to} models/demo\\S*[ \\n]`));
  expect(out).not.toContain("max_steps");
});

test("a smaller scale does not take the place of the published models", () => {
  const { out } = run("--list", "--scale", "0.004");
  expect(out).toMatch(/ exp\/demo\/models\/demo\n/);
  expect(out).not.toMatch(/ models\/demo/);
  expect(out).toMatch(/train recipes\/demo\/llada-v\.yaml .* max_steps=12\n/);
  expect(run("--list", "--scale", "0.004", "--models", "elsewhere").out).toMatch(/ elsewhere\/demo\n/);
});

test("a step that is none, and a scale that is none, are told of", () => {
  expect(run("--only", "nothing").error).toContain("there is no step nothing");
  expect(run("--scale", "2").error).toContain("not between 0 and 1");
});
