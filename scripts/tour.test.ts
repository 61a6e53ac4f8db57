/** The tour leads through files that are there, to names that are in them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const tour = readFileSync(join(root, "docs/tour.md"), "utf8");
const rooms = "packages/rediff/src";

/** What stands between backticks, in order. */
const quoted = [...tour.replace(/^ *npx .*$/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, text = ""]) => text);
const isPath = (text: string): boolean => /^(packages|scripts)\//.test(text);

test("every file and folder that it names is there", () => {
  const paths = quoted.filter(isPath);
  expect(paths.length).toBeGreaterThan(60);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("the table of rooms has every folder, and only those", () => {
  const table = tour.slice(tour.indexOf("## The house"), tour.indexOf("## A picture"));
  const rows = [...table.matchAll(/^\| `(\w+)\/`[^|]*\|([^|]*)\|/gm)];
  const folders = readdirSync(join(root, rooms), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(rows.map(([, room]) => room).sort()).toEqual(folders.map(({ name }) => name).sort());
  for (const [, room = "", about = ""] of rows) {
    for (const [, inside = ""] of about.matchAll(/`([\w-]+)\/`/g))
      expect(
        [join(rooms, room, inside), join(rooms, inside)].some((path) => existsSync(join(root, path))),
        `${room}/${inside}`,
      ).toBe(true);
  }
});

test("a function or class named behind a file is in that file", () => {
  const wrong: string[] = [];
  let checked = 0;
  for (const hop of tour.matchAll(/^\d+\. [\s\S]*?(?=^\d+\. |^$)/gm)) {
    let file: string | undefined;
    for (const [, text = ""] of hop[0].matchAll(/`([^`\n]+)`/g)) {
      if (isPath(text)) file = text;
      else if (/^[A-Za-z]+$/.test(text) && file !== undefined) {
        checked++;
        const isThere = new RegExp(`export (async )?(function\\*?|class|const|interface|type) ${text}\\b`).test(
          readFileSync(join(root, file), "utf8"),
        );
        if (!isThere) wrong.push(`${text} in ${file}`);
      }
    }
  }
  expect(checked).toBeGreaterThan(15);
  expect(wrong).toEqual([]);
});
