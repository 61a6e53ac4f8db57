import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { inspect, isSupported, resolveLibtorch } from "./libtorch.mjs";
import { onPath, sharedLibrary } from "./paths.mjs";
import { listener, scratch, write } from "./scratch.js";

const VERSION_H = "include/torch/headeronly/version.h";
const macros = (major: number, minor: number) =>
  `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH 1\n`;

/** A folder that looks like libtorch, but for its version. */
function fakeLibtorch(folder: string, files: Record<string, string> = {}): string {
  write(folder, {
    [`lib/${sharedLibrary("torch_cpu")}`]: "",
    [`lib/${sharedLibrary("c10")}`]: "",
    "include/ATen/core/dispatch/Dispatcher.h": "",
    ...files,
  });
  return folder;
}

/** Puts a python3 on the path that says it has a torch there, and nothing else on the path. */
function fakePython(folder: string, torch: string | null): void {
  const answer = JSON.stringify({ version: "3.12.1", supported: true, pip: false, torch });
  write(folder, { "bin/python3": `#!/bin/sh\necho start-up noise\necho '${answer}'\n` });
  chmodSync(join(folder, "bin/python3"), 0o755);
  vi.stubEnv("PATH", join(folder, "bin"));
}

describe("a libtorch folder", () => {
  test.each([
    ["a release zip's build-version", { "build-version": "2.9.1+cpu\n" }, "2.9.1+cpu"],
    ["a Python package's version.py", { "version.py": "__version__ = '2.8.0+cu128'\ncuda = '12.8'\n" }, "2.8.0+cu128"],
    ["version.h", { [VERSION_H]: macros(2, 15) }, "2.15.1"],
    ["version.h at its old place", { "include/torch/csrc/api/include/torch/version.h": macros(2, 8) }, "2.8.1"],
  ])("has its version told by %s", async (_, files, version) => {
    const folder = fakeLibtorch(scratch(), files);
    expect(await inspect(folder, "LIBTORCH")).toEqual({
      libDir: join(folder, "lib"),
      includeDir: join(folder, "include"),
      version,
      source: "LIBTORCH",
    });
  });

  test("without a library, headers or a version is refused by name", async () => {
    const folder = scratch();
    await expect(inspect(folder, "LIBTORCH")).rejects.toThrow(`it has no lib/${sharedLibrary("torch_cpu")}`);
    write(folder, { [`lib/${sharedLibrary("torch_cpu")}`]: "", [`lib/${sharedLibrary("c10")}`]: "" });
    await expect(inspect(folder, "LIBTORCH")).rejects.toThrow("it has no include/ATen/core/dispatch/Dispatcher.h");
    await expect(inspect(fakeLibtorch(folder), "LIBTORCH")).rejects.toThrow("its version cannot be told");
  });

  test.skipIf(process.platform !== "linux" || onPath("c++") === undefined || onPath("ldd") === undefined)(
    "with a library whose own libraries are missing is refused, naming them",
    async () => {
      const folder = fakeLibtorch(scratch(), { "build-version": "2.15.0", "empty.cc": "", "user.cc": "" });
      const cxx = (...args: string[]) => execFileSync("c++", ["-shared", "-fPIC", ...args], { cwd: folder });
      cxx("empty.cc", "-o", "libcudart_of_a_test.so.13", "-Wl,-soname,libcudart_of_a_test.so.13");
      cxx("user.cc", "-Wl,--no-as-needed", "libcudart_of_a_test.so.13", "-o", "lib/libtorch_cpu.so");
      await expect(inspect(folder, "wheel")).rejects.toThrow(
        "libtorch_cpu needs libcudart_of_a_test.so.13, which cannot be found",
      );
    },
  );
});

test("the supported range is 2.8 up to the next major version", () => {
  expect(["2.8.0", "2.8.0+cu128", "2.15.0", "2.99.1", "2.9.0a0+git123"].filter(isSupported)).toHaveLength(5);
  expect(["2.7.1", "1.13.0", "3.0.0", "10.2", "unknown", ""].filter(isSupported)).toEqual([]);
});

describe("the libtorch that is used", () => {
  test("is LIBTORCH's before Python's", async () => {
    const folder = scratch();
    fakePython(folder, fakeLibtorch(join(folder, "site/torch"), { "version.py": "__version__ = '2.9.0'\n" }));
    vi.stubEnv("LIBTORCH", fakeLibtorch(join(folder, "own"), { "build-version": "2.10.0" }));
    expect(await resolveLibtorch(listener())).toMatchObject({ version: "2.10.0", source: "LIBTORCH" });
  });

  test.each([
    ["empty", {}, "it has no lib/"],
    ["too old", { "build-version": "2.5.1" }, "torch 2.5.1 is not in the supported range, 2.8 or newer, below 3"],
    ["too new", { "build-version": "3.1.0" }, "torch 3.1.0 is not in the supported range"],
  ])("is never another one when LIBTORCH is %s", async (state, files, reason) => {
    const folder = scratch();
    fakePython(folder, fakeLibtorch(join(folder, "site/torch"), { "version.py": "__version__ = '2.9.0'\n" }));
    const own = join(folder, "own");
    write(own, { "README.md": "" });
    vi.stubEnv("LIBTORCH", state === "empty" ? own : fakeLibtorch(own, files));
    await expect(resolveLibtorch(listener())).rejects.toMatchObject({
      name: "SetupError",
      message: expect.stringContaining(reason),
      hint: expect.stringContaining("unset LIBTORCH"),
    });
  });

  test("is Python's when that is in the range and complete", async () => {
    const folder = scratch();
    const torch = fakeLibtorch(join(folder, "site/torch"), { "version.py": "__version__ = '2.9.0'\n" });
    fakePython(folder, torch);
    const found = await resolveLibtorch(listener());
    expect(found).toMatchObject({ version: "2.9.0", source: "python", libDir: join(torch, "lib") });
  });

  test("is not Python's otherwise, and that is said", async () => {
    const folder = scratch();
    fakePython(folder, fakeLibtorch(join(folder, "site/torch"), { "version.py": "__version__ = '2.5.1'\n" }));
    const ui = listener();
    // This python3 has no pip either, so here it goes on with the package index.
    vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:9/simple");
    vi.stubEnv("PIP_RETRIES", "0");
    await expect(resolveLibtorch(ui)).rejects.toMatchObject({
      message: expect.stringContaining("http://127.0.0.1:9/simple/torch/"),
      hint: expect.stringMatching(/PIP_INDEX_URL.*LIBTORCH/),
    });
    expect(ui.lines.join("\n")).toMatch(
      /passing over the torch of .*python3: torch 2\.5\.1 is not in the supported range/,
    );
  });
});
