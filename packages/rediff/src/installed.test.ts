/** A new user's folder: both packages packed and installed, then what README and the docs show, as it is shown. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { startProgram } from "./testing/command-line.js";
import { folderOfFile } from "./testing/folders.js";
import { cacheWithBuilds, installPackages, runIn, workspace } from "./testing/installed-package.js";
import { writeTinyModel } from "./testing/tiny-model.js";
import { fixturePath } from "./vision/fixtures/pillow.js";

const { at, path: folder } = folderOfFile();

const docs = readdirSync(join(workspace, "docs")).filter((name) => name.endsWith(".md"));
const pages = ["README.md", "packages/rediff/README.md", "packages/torch/README.md", "examples/README.md"];
pages.push(...docs.map((name) => `docs/${name}`));
const blocks = pages.flatMap((page) =>
  [...readFileSync(join(workspace, page), "utf8").matchAll(/^```(ts|js|mjs)\n([\s\S]*?)^```$/gm)].map(
    ([, , code = ""], i) => ({ page, i, code, name: `${page.replaceAll(/\W+/g, "-")}-${i}` }),
  ),
);

/** Why a block is not run here; all are compiled. */
const notRun: Record<string, string> = {
  "docs/evaluation.md": "asks a model about a published data set; evaluation/running/evaluate.test.ts does",
  "docs/expert.md": "asks an expert, who is paid",
  "docs/judges.md": "asks a judge about files of one's own; evaluation/captions/evaluate-captions.test.ts does",
  "docs/serving.md": "asks a server that has to be started first; serving/server.test.ts does",
  "packages/torch/README.md": "has TypeScript's types in it; packages/torch/src/readme.test.ts runs it compiled",
};

/** Blocks that show `using` say where it can be used. */
const MARK = /^\s*\/\/ `using`: TypeScript, or Node 24 and newer$/m;

let env: Record<string, string>;

const node = (file: string, environment = env) => runIn(folder, process.execPath, [file], environment);
const tsc = (...args: string[]) =>
  runIn(folder, process.execPath, [join(workspace, "node_modules/typescript/bin/tsc"), ...args]);

beforeAll(async () => {
  await installPackages(folder);
  writeTinyModel(at("path/to/ReDiff"));
  copyFileSync(fixturePath("color.jpg"), at("photo.jpg"));
  writeFileSync(at("package.json"), "{}");
  env = cacheWithBuilds(at("cache"));
}, 120_000);

const SAMPLE = `
  const model = await loadModel();
  try {
    console.log((await model.describe("photo.jpg", { tokensPerStep: 8 })).text);
  } finally {
    model.close();
  }`;

describe("before the set-up", () => {
  test("the library says which command makes it", () => {
    writeFileSync(at("early.mjs"), `import { loadModel } from "rediff";${SAMPLE}`);
    const { status, stderr } = node("early.mjs", { REDIFF_CACHE: at("nothing") });
    expect(status).toBe(1);
    expect(stderr).toMatch(/libtorch or its addon is missing\. Run `npx rediff-torch-setup` once\./);
  });

  test.each([
    ["no compiler", { CXX: "no-such-compiler" }, /there is no C\+\+ compiler CXX=no-such-compiler\. Install g\+\+/],
    ["a libtorch that is none", { LIBTORCH: "/nowhere" }, /LIBTORCH=\/nowhere cannot be used: /],
  ])("%s: one line", (_, more: Record<string, string>, message) => {
    const run = runIn(folder, "npx", ["rediff", "caption", "photo.jpg"], {
      ...env,
      REDIFF_CACHE: at("other"),
      ...more,
    });
    expect([run.status, run.stdout]).toEqual([1, ""]);
    const last = run.stderr.trimEnd().split("\n").at(-1);
    expect(last).toMatch(/^rediff: /);
    expect(last).toMatch(message);
  });

  test("wrong usage is answered at once", () => {
    const run = runIn(folder, "npx", ["rediff", "caption", "--bogus"], { REDIFF_CACHE: at("none") });
    expect(run).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^rediff: unknown option[^\n]*\n$/),
    });
    expect(existsSync(at("none"))).toBe(false);
  });
});

describe("the command line", () => {
  test("rediff-torch-setup, once", () => {
    const run = runIn(folder, "npx", ["rediff-torch-setup", "--json"], env);
    expect(run.status, run.stderr).toBe(0);
    expect(JSON.parse(run.stdout)).toHaveProperty("addon");
    expect(runIn(folder, "npx", ["rediff-torch-setup", "--bogus"], env).status).toBe(2);
  });

  test("caption, with the embedded model", () => {
    const run = runIn(folder, "npx", ["rediff", "caption", "photo.jpg", "--tokens-per-step", "8"], env);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toMatch(/\w+ \w+/);
    expect(run.stderr).toMatch(/^rediff: no --model: the embedded model answers\.[^\n]*\n$/);
  });

  // The others need a model of gigabytes, or data: readme.test.ts has their options read by the real parser.
  test("README's commands that the embedded model can answer", () => {
    const [, block = ""] = /^```sh\n([\s\S]*?)^```$/m.exec(readFileSync(join(workspace, "README.md"), "utf8")) ?? [];
    const commands = block.split("\n").filter((line) => line.startsWith("npx rediff ") && !line.includes("FOLDER"));
    expect(commands.length).toBeGreaterThan(1);
    for (const command of commands) {
      const run = runIn(folder, "sh", ["-c", command], env);
      expect(run.status, `${command}: ${run.stderr}`).toBe(0);
    }
    expect(readFileSync(at("captions.jsonl"), "utf8").trim().split("\n")).toHaveLength(10);
  });

  test("serve: the page and the API", async () => {
    const bin = at("node_modules/rediff/bin/rediff.mjs");
    const { child, done } = startProgram(process.execPath, [bin, "serve", "--port", "0"], { cwd: folder, env });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        child.stdout.on("data", (text: string) => resolve(text.trim()));
        done.then(({ stderr }) => reject(new Error(stderr)));
      });
      expect(await (await fetch(url)).text()).toContain("<html");
      expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [{ id: "rediff-demo" }, {}] });
    } finally {
      child.kill("SIGTERM");
    }
    expect((await done).status).toBe(0);
  });
});

describe("the library's examples", () => {
  test("are there, and no reason is left over", () => {
    expect(blocks.length).toBeGreaterThan(12);
    for (const page of Object.keys(notRun)) expect(blocks.map((block) => block.page)).toContain(page);
  });

  test.each(blocks.filter(({ page }) => !(page in notRun)))("$page, block $i, as a plain .mjs", ({ code, name }) => {
    writeFileSync(at(`${name}.mjs`), code);
    const { status, stdout, stderr } = node(`${name}.mjs`);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.trim().length).toBeGreaterThan(10);
  });

  test("require() in CommonJS", () => {
    writeFileSync(at("sample.cjs"), `const { loadModel } = require("rediff");\n(async () => {${SAMPLE}\n})();\n`);
    const { status, stdout, stderr } = node("sample.cjs");
    expect(status, stderr).toBe(0);
    expect(stdout.trim().length).toBeGreaterThan(10);
  });

  /** Compiles all blocks in a folder of their own. */
  function compiled(project: string, type: "module" | "commonjs", options: object) {
    mkdirSync(at(project));
    writeFileSync(at(project, "package.json"), JSON.stringify({ type }));
    for (const { name, code } of blocks) {
      // Of a CommonJS project only files that say so may await at the top. A module even where nothing is imported.
      writeFileSync(at(project, `${name}.${type === "commonjs" ? "mts" : "ts"}`), `${code}\nexport {};\n`);
    }
    const compilerOptions = { strict: true, skipLibCheck: false, outDir: "out", rootDir: ".", ...options };
    writeFileSync(at(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const { stdout } = tsc("-p", project);
    expect(stdout).toBe("");
  }

  test("TypeScript for Node, without types or libs named; nothing newer than ES2022 in what is shown", () => {
    compiled("es2022", "module", { target: "es2022", module: "nodenext" });
    compiled("newest", "module", { target: "esnext", module: "nodenext", lib: ["es2022"] });
    for (const { name, code } of blocks) {
      if (MARK.test(code)) continue;
      const [old, newest] = ["es2022", "newest"].map((project) =>
        readFileSync(at(project, "out", `${name}.js`), "utf8"),
      );
      expect(newest, name).toBe(old);
    }
  });

  test("TypeScript for bundlers, and in a CommonJS project", () => {
    compiled("bundler", "module", {
      target: "es2022",
      module: "esnext",
      moduleResolution: "bundler",
      lib: ["es2022", "dom"],
    });
    compiled("commonjs", "commonjs", { target: "es2022", module: "node20" });
    writeFileSync(at("commonjs/sync.cts"), 'import rediff = require("rediff");\nconsole.log(rediff.loadModel.name);\n');
    expect(tsc("-p", "commonjs").stdout).toBe("");
    rmSync(at("commonjs/out"), { recursive: true });
  });
});
