/** docs/PARITY.md: each row names what proves it, and that exists. A proof is a test, by the end of its file's path and
 *  a part of a title, or a group of goldens. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { globSync } from "tinyglobby";
import { describe, expect, test } from "vitest";
import { routes } from "./testing/goldens/judge-of-case.js";

const workspace = fileURLToPath(new URL("../../../", import.meta.url));
const PROVEN = "Proven by";

interface Row {
  table: string;
  what: string;
  proof: string;
}

interface Proofs {
  tests: { file: string; title: string }[];
  goldens: string[];
  /** What is neither. */
  rest: string;
}

const cells = (line: string) =>
  line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());

/** The rows of all tables; a table without the column gives rows without a proof. */
function rowsOf(markdown: string): Row[] {
  const rows: Row[] = [];
  let heading = "";
  let columns: string[] = [];
  for (const line of markdown.split("\n")) {
    if (line.startsWith("#")) heading = line.replace(/^#+ /, "");
    if (!line.startsWith("|")) columns = [];
    else if (columns.length === 0) columns = cells(line);
    else if (!/^[|\s:-]+$/.test(line)) {
      const values = cells(line);
      rows.push({ table: heading, what: values[0] ?? "", proof: values[columns.indexOf(PROVEN)] ?? "" });
    }
  }
  return rows;
}

function proofsOf(proof: string): Proofs {
  const tests: Proofs["tests"] = [];
  const goldens: string[] = [];
  const rest = proof
    .replace(/`([\w./-]+\.test\.ts)`((?:,? "[^"]+")+)/g, (_, file: string, titles: string) => {
      for (const [, title] of titles.matchAll(/"([^"]+)"/g)) tests.push({ file, title: title as string });
      return "";
    })
    .replace(/goldens `(\w+)`/g, (_, group: string) => {
      goldens.push(group);
      return "";
    });
  return { tests, goldens, rest: rest.replace(/[;\s]/g, "") };
}

/** The titles of a file's tests and groups of tests, patterns such as %s as they are written. */
function titlesOf(source: string): string[] {
  const direct = /\b(?:test|it|describe)(?:\.\w+)*\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g;
  const ofTables = /\)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1\s*,/g;
  return [direct, ofTables].flatMap((pattern) => Array.from(source.matchAll(pattern), (match) => match[2] ?? ""));
}

const files = globSync(["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"], { cwd: workspace });
const groups = new Set(routes.map(({ group }) => group));

/** What is wrong with a row, or nothing. */
function complaints({ proof }: Row): string[] {
  const { tests, goldens, rest } = proofsOf(proof);
  if (tests.length + goldens.length === 0) return ["names no test and no goldens"];
  const found = rest === "" ? [] : [`not understood: ${rest}`];
  for (const group of goldens) if (!groups.has(group)) found.push(`no judge for goldens ${group}`);
  for (const { file, title } of tests) {
    const [path, ...more] = files.filter((name) => `/${name}`.endsWith(`/${file}`));
    if (path === undefined) found.push(`no file ${file}`);
    else if (more.length > 0) found.push(`several files ${file}: say more of the path`);
    else if (!titlesOf(readFileSync(workspace + path, "utf8")).some((each) => each.includes(title)))
      found.push(`no test "${title}" in ${path}`);
  }
  return found;
}

describe("docs/PARITY.md", () => {
  const rows = rowsOf(readFileSync(`${workspace}docs/PARITY.md`, "utf8"));

  test("has rows in every table", () => {
    expect(rows.length).toBeGreaterThan(80);
    expect(new Set(rows.map(({ table }) => table)).size).toBeGreaterThan(5);
  });

  test("each row names the test that proves it", () => {
    const wrong = rows.flatMap((row) => complaints(row).map((complaint) => `${row.table}, ${row.what}: ${complaint}`));
    expect(wrong).toEqual([]);
  });
});

describe("what is noticed", () => {
  const HEAD = `## Things\n\n| What | Here | ${PROVEN} |\n| --- | --- | --- |\n`;
  const told = (row: string) => rowsOf(HEAD + row).flatMap(complaints);

  test("a good row is fine", () => {
    expect(told('| a | b | `parity.test.ts` "a good row", "what is noticed"; goldens `features` |')).toEqual([]);
  });

  test.each([
    ["| a | b |  |", /names no test/],
    ["| a | b | see above |", /names no test/],
    ['| a | b | `absent.test.ts` "x" |', /no file absent/],
    ['| a | b | `parity.test.ts` "that was never written" |', /no test "that was/],
    ['| a | b | `index.test.ts` "x" |', /no file|several files/],
    ["| a | b | goldens `everything` |", /no judge for goldens everything/],
    ['| a | b | `parity.test.ts` "a good row" and more |', /not understood: andmore/],
  ])("%s", (row, message) => {
    expect(told(row).join("\n")).toMatch(message);
  });

  test("a table without the column", () => {
    expect(rowsOf("| What | Here |\n| --- | --- |\n| a | b |").flatMap(complaints)).toEqual([
      "names no test and no goldens",
    ]);
  });
});
