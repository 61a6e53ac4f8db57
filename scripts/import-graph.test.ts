import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { circlesIn, importCircles, importGraph } from "./import-graph.mjs";

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "rediff-imports-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

test("every way to import is seen, and names of compiled files lead to their sources", () => {
  const folder = folderOf({
    "main.ts": [
      'import { a } from "./a.js";',
      'import type { B } from "./deep/b.js";',
      "import {\n  one,\n  two,\n} from './c.jsx';",
      'export * from "./d.ts";',
      'import "./e.js";',
      'const f = await import(\n  "./f.js"\n);',
      'declare module "./g.js" {}',
      'type H = typeof import("./h").h;',
      'import { again } from "./a.js";',
    ].join("\n"),
    ...Object.fromEntries(["a", "d", "e", "f", "g", "h/index"].map((name) => [`${name}.ts`, ""])),
    "c.tsx": "",
    "deep/b.ts": 'import { main } from "../main.js";\n',
  });
  const graph = importGraph(folder);
  expect(graph.get("main.ts")).toEqual(["a.ts", "c.tsx", "d.ts", "deep/b.ts", "e.ts", "f.ts", "g.ts", "h/index.ts"]);
  expect(graph.get("deep/b.ts")).toEqual(["main.ts"]);
  expect(graph.get("a.ts")).toEqual([]);
});

test("comments, packages and files that are no sources of the folder are not imports", () => {
  const folder = folderOf({
    "main.ts": [
      '// import "./a.js";',
      "/** for example",
      ' *  import { a } from "./a.js";',
      " */",
      'import { readFileSync } from "node:fs";',
      'import data from "./data.json";',
      'import { outside } from "../outside.mjs";',
      'const list = Array.from("./a.js");',
    ].join("\n"),
    "a.ts": "",
    "data.json": "{}",
    "dist/a.ts": "",
    "node_modules/x/a.ts": "",
  });
  expect([...importGraph(folder)]).toEqual([
    ["a.ts", []],
    ["main.ts", []],
  ]);
});

test("files that import each other, however far around, are one circle", () => {
  const folder = folderOf({
    "a.ts": 'import type { B } from "./b.js";',
    "b.ts": 'import { c } from "./c/c.js";',
    "c/c.ts": 'export * from "../a.js"; import "../d.js";',
    "d.ts": 'import { e } from "./e.js";',
    "e.ts": 'const d = () => import("./d.js");',
    "top.ts": 'import "./a.js"; import "./d.js"; import "./top.js";',
  });
  expect(importCircles(folder)).toEqual([
    ["d.ts", "e.ts"],
    ["a.ts", "b.ts", "c/c.ts"],
  ]);
});

test("two ways to the same file are no circle", () => {
  const graph = new Map(
    Object.entries({ top: ["left", "right"], left: ["bottom"], right: ["bottom", "left"], bottom: [] as string[] }),
  );
  expect(circlesIn(graph)).toEqual([]);
});
