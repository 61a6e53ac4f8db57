/** No parser of what others wrote goes without a target. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { READERS, READS } from "./readers.mjs";
import { listTargets } from "./target.mjs";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));
const sources = ["rediff/src", "studio/src", "torch/src", "torch/setup"].flatMap((folder) =>
  readdirSync(join(packages, folder), { recursive: true, encoding: "utf8" })
    .filter(
      (file) =>
        (folder === "torch/setup" ? /\.mjs$/ : /\.tsx?$/).test(file) &&
        !/\.test\.ts$|(?:^|\/)(?:testing|fixtures)\//.test(file),
    )
    .map((file) => `${folder}/${file}`),
);
const read = (file: string) => readFileSync(join(packages, file), "utf8");

test("every source that takes texts or bytes to pieces is on the list", () => {
  const missing = sources.filter((file) => READS.test(read(file)) && !(file in READERS));
  expect(missing, "name their targets in scripts/fuzz/readers.mjs, or say why they need none").toEqual([]);
});

test("the list names no source that is no more", () => {
  expect(Object.keys(READERS).filter((file) => !sources.includes(file))).toEqual([]);
});

describe("the targets that it names", () => {
  const targets = listTargets();
  const named = Object.entries(READERS).flatMap(([file, found]) =>
    typeof found === "string" ? [] : found.map((target) => [file, target] as const),
  );

  test.each(named)("%s: %s", (file, target) => {
    const path = targets.get(target);
    expect(path, "there is such a target").toBeDefined();
    // It says what it covers; what is bundled for the page is named as a source.
    const name = basename(file).replace(/\.ts$/, "");
    if (file.startsWith("rediff/") && !file.endsWith("shallow-json.ts") && !file.endsWith("yaml-text.ts"))
      expect(readFileSync(String(path), "utf8")).toContain(`/${name}.js"`);
  });

  test("are all that there are", () => {
    const used = new Set(named.map(([, target]) => target));
    expect([...targets.keys()].filter((target) => !used.has(target))).toEqual([]);
  });
});
