/** Builds of a few lines against libraries of a few bytes. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { buildAddon, prune } from "./build.mjs";
import { findCompiler } from "./compiler.mjs";
import { listener, scratch, write } from "./scratch.js";
import { ANSWER, compiler, MODULE, project } from "./tiny-project.js";

describe.skipIf(compiler === undefined)("the addon", () => {
  test("is built, and found when nothing has changed", async () => {
    const { torch, root } = project();
    const ui = listener();
    const addon = await buildAddon(torch, ui, root);
    expect(createRequire(import.meta.url)(addon)).toEqual({ answer: 42 });
    expect(ui.lines.join("\n")).toContain("2 of 2 files to compile");
    const again = listener();
    expect(await buildAddon(torch, again, root)).toBe(addon);
    expect(again.lines).toEqual([]);
  });

  test("has only what changed compiled again: a source alone, a header all", async () => {
    const { torch, root } = project();
    const first = await buildAddon(torch, listener(), root);
    write(root, { "native/answer.cc": ANSWER("43") });
    const ui = listener();
    const second = await buildAddon(torch, ui, root);
    expect(ui.lines.join("\n")).toContain("1 of 2 files to compile");
    expect(second).not.toBe(first);
    expect(createRequire(import.meta.url)(second)).toEqual({ answer: 43 });

    write(root, { "native/answer.h": "int answer(); // changed\n" });
    const third = listener();
    await buildAddon(torch, third, root);
    expect(third.lines.join("\n")).toContain("2 of 2 files to compile");
  });

  test("has a part beside it that works without libtorch", async () => {
    const { torch, root } = project();
    write(root, { "native/host/alone.cc": MODULE, "native/host/seven.cc": ANSWER("7") });
    const ui = listener();
    const addon = await buildAddon(torch, ui, root);
    expect(ui.lines.join("\n")).toContain("4 of 4 files to compile");
    const require = createRequire(import.meta.url);
    expect(require(join(dirname(addon), "rediff_host.node"))).toEqual({ answer: 7 });
    expect(require(addon)).toEqual({ answer: 42 });
  });

  test("is the same one for a copy of the sources elsewhere", async () => {
    const { torch, root } = project();
    const addon = await buildAddon(torch, listener(), root);
    const copy = join(dirname(root), "another checkout");
    cpSync(root, copy, { recursive: true });
    const ui = listener();
    expect(await buildAddon(torch, ui, copy)).toBe(addon);
    expect(ui.lines).toEqual([]);
  });

  test("is another one for another libtorch", async () => {
    const { torch, root } = project();
    const first = await buildAddon(torch, listener(), root);
    expect(await buildAddon({ ...torch, version: "2.14.0" }, listener(), root)).not.toBe(first);
  });

  test("that does not compile shows the errors and where the rest is", async () => {
    const { torch, root } = project();
    write(root, { "native/answer.cc": ANSWER("nowhere_declared") });
    const error = await buildAddon(torch, listener(), root).catch((error: unknown) => error);
    expect(error).toMatchObject({
      name: "SetupError",
      message: expect.stringMatching(/compiling native.answer\.cc failed with status 1:\n.*nowhere_declared/s),
      hint: expect.stringMatching(/The whole output is in .*\.log\./),
    });
    const log = /in (.*\.log)\./.exec((error as { hint: string }).hint)?.[1] ?? "";
    expect(readFileSync(log, "utf8")).toContain("-std=c++20");
  });

  test("that cannot be loaded is not kept", async () => {
    const { torch, root } = project();
    write(root, { "native/answer.cc": `int missing_symbol();\n${ANSWER("missing_symbol()")}` });
    await expect(buildAddon(torch, listener(), root)).rejects.toThrow(/cannot be loaded \(.*missing_symbol/);
    const left = readdirSync(join(process.env.REDIFF_CACHE ?? "", "addon"));
    expect(left.filter((name) => name.startsWith("2.15.0"))).toEqual([]);
  });
});

test("without a compiler, or with one too old, it is said which is needed", async () => {
  const folder = scratch();
  vi.stubEnv("PATH", folder);
  await expect(findCompiler()).rejects.toMatchObject({ message: "there is no C++ compiler", hint: expect.any(String) });
  vi.stubEnv("CXX", "my-compiler -m64");
  await expect(findCompiler()).rejects.toThrow("there is no C++ compiler CXX=my-compiler -m64");
  const old = join(folder, "old");
  write(folder, { old: '#!/bin/sh\n[ "$1" = --version ] && echo old 4.8 && exit\necho unknown option >&2; exit 1\n' });
  execFileSync("/bin/chmod", ["+x", old]);
  vi.stubEnv("CXX", old);
  await expect(findCompiler()).rejects.toThrow("the C++ compiler cannot compile C++20 (old 4.8: unknown option)");
});

test("eight builds of a torch version are kept, and objects for two weeks", () => {
  const addons = join(scratch(), "addon");
  const age = (name: string, days: number) => {
    const time = new Date(Date.now() - days * 24 * 3600 * 1000);
    utimesSync(join(addons, name), time, time);
  };
  for (let i = 0; i < 10; i++) {
    mkdirSync(join(addons, `2.15.0-x-${i}`), { recursive: true });
    age(`2.15.0-x-${i}`, i);
  }
  mkdirSync(join(addons, "2.9.0-x-1"));
  write(addons, { "objects/new.o": "", "objects/old.o": "" });
  age("objects/old.o", 20);
  prune(addons, "2.15.0-x", join(addons, "2.15.0-x-9"));
  const kept = [0, 1, 2, 3, 4, 5, 6, 9].map((i) => `2.15.0-x-${i}`);
  expect(readdirSync(addons).sort()).toEqual([...kept, "2.9.0-x-1", "objects"]);
  expect(existsSync(join(addons, "objects/new.o"))).toBe(true);
  expect(existsSync(join(addons, "objects/old.o"))).toBe(false);
});
