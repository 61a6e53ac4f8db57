/** What the packages export, and the library's reference that `npm run docs:api` makes. Making it takes half a minute; here
 *  is only looked at whether somebody has made it since. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { replaceReferences } from "./docs-api/references.mjs";
import { publicNames } from "./public-names.mjs";

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const library = publicNames(at("packages/rediff/dist/index.d.ts"));

/** Names with a heading in a reference, sorted. */
function toldIn(path: string): string[] {
  const headings = readFileSync(at(path), "utf8").matchAll(/^### (?:`\w+` )?([\w\\]+)/gm);
  return [...new Set([...headings].map(([, name = ""]) => name.replaceAll("\\", "")))].sort();
}

test("docs/api has a heading for each name that the library exports, and for no other", () => {
  expect(library.names.length).toBeGreaterThan(100);
  expect(toldIn("docs/api/README.md"), "run npm run docs:api").toEqual([...new Set(library.names)].sort());
});

test("docs/api/torch has one for each that @rediff/torch exports, and a page for each of its sets", () => {
  const names = [...new Set(publicNames(at("packages/torch/dist/index.d.ts")).names)];
  const sets = ["distributed", "nn", "optim"];
  const between = ["addedName", "graphsProblem", "pinsUploads", "refusalOf", "usableDevice"]; // @internal: for rediff alone
  expect(toldIn("docs/api/torch/README.md"), "run npm run docs:api").toEqual(
    names.filter((name) => !name.includes(".") && !sets.includes(name) && !between.includes(name)).sort(),
  );
  for (const set of sets) {
    const own = names.filter((name) => name.startsWith(`${set}.`)).map((name) => name.slice(set.length + 1));
    expect(own.length).toBeGreaterThan(3);
    expect(toldIn(`docs/api/torch/Namespace.${set}.md`)).toEqual(
      expect.arrayContaining(own.filter((name) => name !== "init" && !name.includes("."))),
    );
  }
});

test("references that cannot all be made leave those that are there untouched, and nothing beside them", () => {
  const folder = mkdtempSync(join(tmpdir(), "rediff-api-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const target = join(folder, "api");
  const readme = (name: string) => readFileSync(join(target, name === "torch" ? "torch" : "", "README.md"), "utf8");
  const files = () => readdirSync(folder, { recursive: true }).map(String).sort();
  /** As typedoc does: its folder is emptied first. */
  const making = (text: string, failing?: string) => (name: string, output: string) => {
    if (name === failing) throw new Error(`${name} failed`);
    rmSync(output, { recursive: true, force: true });
    mkdirSync(output);
    writeFileSync(join(output, "README.md"), `${name}: ${text}`);
  };
  replaceReferences(target, making("old"));
  const whole = ["api", "api/README.md", "api/torch", "api/torch/README.md"];
  expect(files()).toEqual(whole);
  for (const failing of ["rediff", "torch"]) {
    expect(() => replaceReferences(target, making("new", failing))).toThrow(`${failing} failed`);
    expect(files()).toEqual(whole);
    for (const name of ["rediff", "torch"]) expect(readme(name)).toBe(`${name}: old`);
  }
  replaceReferences(target, making("new"));
  expect(files()).toEqual(whole);
  expect(readme("torch")).toBe("torch: new");
});

test("every type in a signature of the library is exported, or its member is @internal", () => {
  expect(library.unexported).toEqual([]);
});

test("every type in a signature of @rediff/torch is, too", () => {
  const { names, unexported } = publicNames(at("packages/torch/dist/index.d.ts"));
  expect(names).toEqual(expect.arrayContaining(["Tensor", "tensor", "optim.AdamW", "distributed.openGroup"]));
  expect(unexported).toEqual([]);
});

test("no row of the reference is so wide that nobody reads it", () => {
  const rows = readFileSync(at("docs/api/README.md"), "utf8").split("\n");
  expect(rows.filter((row) => row.length > 1000)).toEqual([]);
});

test("a type that is not exported is found: imported, of the same file, and by way of import() and export *", () => {
  const folder = mkdtempSync(join(tmpdir(), "rediff-names-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = {
    "index.d.ts": `export { type Asked as Question, Model } from "./model.js";\nexport type { Kept } from "./pass.js";\nexport * from "./all.js";\nexport * as parts from "./all.js";\n`,
    "all.d.ts": "interface Own {\n    own: true;\n}\nexport declare function ask(own: Own): void;\n",
    "pass.d.ts": `export type { Kept } from "./kept.js";\n`,
    "kept.d.ts": "export interface Kept {\n    size: number;\n}\nexport interface Far {\n    far: true;\n}\n",
    "model.d.ts": `import { type Tensor } from "@rediff/torch";
import type { Kept } from "./pass.js";
import type { Hidden } from "./hidden.js";
/** Near, Hidden: words of a comment. */
export interface Asked {
    text: "Near" | "Hidden";
}
export declare class Model {
    readonly rows: Tensor;
    readonly kept: Kept;
    /** @internal what
     *  nobody needs */
    readonly secret: Near | {
        of: Near;
    };
    ask(asked: Asked): Promise<Hidden>;
    far(): import("./kept.js").Far;
}
interface Near {
    near: true;
}
export interface Unused {
    near: Near;
}
`,
    "hidden.d.ts": "export interface Hidden {\n    hidden: true;\n}\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const found = () => publicNames(join(folder, "index.d.ts"));
  expect(found()).toEqual({
    names: ["Question", "Model", "Kept", "ask", "parts.ask"],
    unexported: ["Far in Model", "Hidden in Model", "Own in ask", "Own in parts.ask"],
  });

  writeFileSync(join(folder, "model.d.ts"), files["model.d.ts"].replace("/** @internal", "/**"));
  expect(found().unexported).toContain("Near in Model");
});
