/** Runs the TypeScript of README.md: it compiles, and prints what its comments say. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { builtPackage } from "./testing/built.js";
import { sharedFolder } from "./testing/folder.js";

const run = promisify(execFile);
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);

/** `// name.ts` on the first line of a block names its file. */
const fileName = (block: string, i: number): string => /^\/\/ (\w+\.ts)\n/.exec(block)?.[1] ?? `block${i}.ts`;
/** What the comments behind `console.log` promise. */
const promised = (block: string): string[] =>
  [...block.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]!);

const folder = sharedFolder();

describe("README.md", () => {
  beforeAll(async () => {
    const address = builtPackage();
    const require = createRequire(import.meta.url);
    const modules = dirname(dirname(require.resolve("typescript/package.json")));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const compilerOptions = {
      target: "es2022",
      module: "nodenext",
      lib: ["es2023", "esnext.disposable"],
      strict: true,
      skipLibCheck: true,
      types: ["node"],
      typeRoots: [join(modules, "@types")],
      paths: { "@rediff/torch": [fileURLToPath(address).replace(/\.js$/, ".d.ts")] },
      outDir: "out",
      rootDir: ".",
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    blocks.forEach((block, i) => {
      // A module even where nothing is imported.
      writeFileSync(join(folder, fileName(block, i)), `${block}\nexport {};\n`);
    });
    mkdirSync(join(folder, "out"));
    await run(process.execPath, [join(modules, "typescript", "bin", "tsc"), "-p", folder]).catch(
      (error: { stdout?: string }) => {
        throw new Error(`README.md does not compile: ${error.stdout}`);
      },
    );
    for (const file of readdirSync(join(folder, "out"))) {
      const path = join(folder, "out", file);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll('"@rediff/torch"', JSON.stringify(address)));
    }
  }, 60_000);

  test("has code", () => expect(blocks.length).toBeGreaterThan(8));

  blocks.forEach((block, i) => {
    const file = fileName(block, i);
    if (file === "worker.ts") return; // main.ts runs it
    test(`block ${i + 1}: ${block.split("\n").find((line) => !/^(import|$|\/\/)/.test(line))}`, async () => {
      const { stdout, stderr } = await run(process.execPath, [join(folder, "out", file.replace(/\.ts$/, ".js"))], {
        timeout: 30_000,
      });
      expect(stderr).toBe("");
      expect(stdout.trimEnd().split("\n")).toEqual(promised(block));
    });
  });
});
