/** The library for CommonJS: Node 20.19 and 22 can `require` a module only without top-level await in all that it
 *  imports. The compiled package, as users get it. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));

test.each(["rediff", "@rediff/torch", "@rediff/torch/setup"])(
  "require(%j) gives the same names as import",
  async (name) => {
    const script = `console.log(JSON.stringify(Object.keys(require(${JSON.stringify(name)})).sort()))`;
    const text = execFileSync(process.execPath, ["--input-type=commonjs", "-e", script], {
      cwd: here,
      encoding: "utf8",
    });
    const required: unknown = JSON.parse(text);
    expect(required).toContain(name === "rediff" ? "loadModel" : name.endsWith("setup") ? "ensureTorch" : "tensor");
    const url = createRequire(import.meta.url).resolve(name);
    expect(required).toEqual(Object.keys((await import(/* @vite-ignore */ url)) as object).sort());
  },
);
