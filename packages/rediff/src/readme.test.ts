/** What the documentation shows is right: its TypeScript compiles and runs, its commands are understood, its links lead
 *  somewhere. */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { program } from "./cli/main.js";
import { folderOfFile } from "./testing/folders.js";
import { writeTinyModel } from "./testing/tiny-model.js";
import { fixturePath } from "./vision/fixtures/pillow.js";

const run = promisify(execFile);
const workspace = fileURLToPath(new URL("../../../", import.meta.url));
const pages = ["README.md", "examples/README.md", "bench/README.md", "packages/rediff/README.md"];
const docs = readdirSync(join(workspace, "docs")).filter((name) => name.endsWith(".md"));
pages.push(...docs.map((name) => `docs/${name}`));
const text = Object.fromEntries(pages.map((page) => [page, readFileSync(join(workspace, page), "utf8")]));

/** Words of a shell command, quotes taken off, comments and continuation of a pipe left out. */
function words(command: string): string[] {
  const found: string[] = [];
  for (const [word] of command.matchAll(/"[^"]*"|'[^']*'|[^\s]+/g)) {
    if (/^(#|\||&&|>|2>)/.test(word)) break;
    found.push(word.replace(/^(["'])(.*)\1$/, "$2"));
  }
  return found;
}

/** Everything that follows `npx rediff` (or, in help texts, `$ rediff`) in a line. Bare mentions of a name are none. */
const commandsIn = (page: string, start: RegExp): string[] =>
  page
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .flatMap((line) => {
      const at = start.exec(line);
      return at === null ? [] : [line.slice(at.index + at[0].length).replace(/`.*$/, "")];
    });

/** The program with nothing behind its commands. @throws CommanderError for words that it does not know */
async function understand(args: readonly string[]): Promise<void> {
  const root = program();
  const idle = (command: Command): void => {
    command.action(() => undefined);
    for (const option of command.options)
      if (option.mandatory && !args.includes(option.long ?? "")) option.mandatory = false;
    command.commands.forEach(idle);
  };
  root.action(() => undefined).commands.forEach(idle);
  await root.parseAsync(["node", "rediff", ...args.filter((word) => word !== "--help")]);
}

/** Usage such as `caption IMAGE... --model DIR` or `bench -- decode|overhead` stands for itself. */
const shown = pages.flatMap((page) => commandsIn(text[page] ?? "", /npx rediff(?= )/).map((line) => ({ page, line })));

describe("commands", () => {
  test("there are some", () => expect(shown.length).toBeGreaterThan(10));

  test.each(shown)("$page: rediff$line", async ({ line }) => {
    await understand(words(line.replaceAll("{}", "0"))); // xargs puts a number there
  });

  const helps = (command: Command): { name: string; line: string }[] => {
    const help: string[] = [];
    command.configureOutput({ writeOut: (part) => void help.push(part) }).outputHelp();
    const own = commandsIn(help.join(""), /^ *\$ rediff(?= )/).map((line) => ({ name: command.name(), line }));
    return [...own, ...command.commands.flatMap(helps)];
  };
  test.each(program().commands.flatMap(helps))("help of $name: rediff$line", async ({ line }) => {
    await understand(words(line));
  });

  test("npm scripts that are named are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(workspace, "package.json"), "utf8")) as { scripts: object };
    for (const page of Object.values(text))
      for (const [, script] of page.matchAll(/npm run ([a-z:]+)\b(?! -w)/g))
        expect(Object.keys(scripts)).toContain(script!);
  });
});

test.each(pages)("%s: its links lead somewhere", (page) => {
  for (const [, target] of (text[page] ?? "").matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)) {
    if (/^https?:/.test(target!)) continue;
    expect(existsSync(join(workspace, dirname(page), target!)), target).toBe(true);
  }
});

describe("TypeScript", () => {
  const { path: folder } = folderOfFile();
  const blocks = ["README.md", "packages/rediff/README.md"].flatMap((page) =>
    [...(text[page] ?? "").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match, i) => ({ page, code: match[1]!, i })),
  );
  const address = new URL("../dist/index.js", import.meta.url);

  beforeAll(async () => {
    const modules = dirname(dirname(createRequire(import.meta.url).resolve("typescript/package.json")));
    const tsc = join(modules, "typescript", "bin", "tsc");
    await run(process.execPath, [tsc, "-b", join(workspace, "packages/rediff")]);
    writeTinyModel(join(folder, "path/to/ReDiff"));
    copyFileSync(fixturePath("color.jpg"), join(folder, "photo.jpg"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const compilerOptions = {
      target: "es2022",
      module: "nodenext",
      lib: ["es2023", "esnext.disposable"],
      strict: true,
      skipLibCheck: true,
      types: ["node"],
      typeRoots: [join(modules, "@types")],
      paths: { rediff: [fileURLToPath(address).replace(/\.js$/, ".d.ts")] },
      outDir: "out",
      rootDir: ".",
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    blocks.forEach(({ code }, i) => {
      writeFileSync(join(folder, `block${i}.ts`), `${code}console.log(text);\n`);
    });
    mkdirSync(join(folder, "out"));
    await run(process.execPath, [tsc, "-p", folder]).catch((error: { stdout?: string }) => {
      throw new Error(`the documentation does not compile: ${error.stdout}`);
    });
  }, 120_000);

  test("there is some", () => expect(blocks.length).toBeGreaterThan(1));

  test.each(blocks.map((block, i) => ({ ...block, i })))(
    "$page, block $i",
    async ({ i }) => {
      const file = join(folder, "out", `block${i}.js`);
      const program = readFileSync(file, "utf8").replaceAll(
        '"rediff"',
        JSON.stringify(pathToFileURL(fileURLToPath(address)).href),
      );
      writeFileSync(file, program);
      const env = { ...process.env, OMP_NUM_THREADS: "1" };
      const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder, env, timeout: 60_000 });
      expect(stderr).toBe("");
      expect(stdout.trim().length).toBeGreaterThan(10);
    },
    60_000,
  );
});
