import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { ensureTorch } from "../index.mjs";
import type { Libtorch } from "../libtorch.mjs";
import { platformName } from "../paths.mjs";
import { listener, scratch, write } from "../scratch.js";
import { sourceHash } from "../sources.mjs";
import { ANSWER, compiler, MODULE, project } from "../tiny-project.js";
import { GOAL_GLIBC, makePackage, newestNeeded } from "./make-package.mjs";
import { ADDON_FILES, isAtLeast, type Manifest, parseManifest } from "./manifest.mjs";
import { findPrebuilt, PREBUILT_PACKAGE, takePrebuilt } from "./prebuilt.mjs";

const require = createRequire(import.meta.url);

interface Made {
  /** The package's folder. */
  folder: string;
  torch: Libtorch;
  root: string;
  lines: string[];
}

/** The package's files, made when they are first wanted. */
let kept: Record<string, Buffer> | undefined;

/** A package made of an addon of a few lines, on a machine that has no compiler from then on. */
async function made(): Promise<Made> {
  const { torch, root } = project();
  write(root, {
    "native/host/alone.cc": MODULE,
    "native/host/seven.cc": ANSWER("7"),
    "setup/build.mjs": "",
    "package.json": JSON.stringify({ version: "1.2.3", license: "Apache-2.0", engines: { node: ">=20" } }),
  });
  const output = join(dirname(root), "output");
  const folder = join(output, PREBUILT_PACKAGE.split("/").pop() ?? "");
  const ui = listener();
  if (kept === undefined) {
    expect((await makePackage(torch, output, ui, root)).folder).toBe(folder);
    kept = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
  } else {
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(kept)) writeFileSync(join(folder, name), content);
  }
  vi.stubEnv("REDIFF_CACHE", join(dirname(root), "another cache"));
  vi.stubEnv("CXX", "no-compiler");
  vi.stubEnv("REDIFF_PREBUILT", folder);
  return { folder, torch, root, lines: ui.lines };
}

function change(folder: string, change: Partial<Record<keyof Manifest, unknown>>): void {
  const file = join(folder, "manifest.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...change }));
}

describe.skipIf(compiler === undefined)("a package with the addon", () => {
  test("says for which systems it is, and is taken and loads without a compiler", async () => {
    const { folder, torch, root, lines } = await made();
    expect(JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))).toMatchObject({
      name: `@rediff/torch-${platformName}`,
      version: "1.2.3",
      os: [process.platform],
      cpu: [process.arch],
      ...(process.platform === "linux" ? { libc: ["glibc"] } : {}),
      files: ["rediff_torch.node", "rediff_host.node", "manifest.json"],
    });
    const ui = listener();
    const prebuilt = findPrebuilt(ui, root);
    expect(prebuilt?.manifest).toMatchObject({ platform: platformName, torch: "2.15.0", cuda: null, nodeApi: 8 });
    const addon = prebuilt && (await takePrebuilt(prebuilt, torch, ui));
    expect(require(String(addon))).toEqual({ answer: 42 });
    expect(require(join(dirname(String(addon)), "rediff_host.node"))).toEqual({ answer: 7 });
    expect(ui.lines).toEqual([`  took the prebuilt addon of ${folder}`]);
    expect(prebuilt && (await takePrebuilt(prebuilt, torch, listener()))).toBe(addon);

    if (process.platform !== "linux") return;
    expect(prebuilt?.manifest.glibc).toBe(newestNeeded(folder, ADDON_FILES, "GLIBC"));
    expect(lines.join("\n")).toContain(`it needs glibc ${prebuilt?.manifest.glibc} and`);
    expect(lines.some((line) => line.includes("warning"))).toBe(
      !isAtLeast(GOAL_GLIBC, String(prebuilt?.manifest.glibc)),
    );
  });

  test("is found beside @rediff/torch", async () => {
    const { folder, root } = await made();
    vi.stubEnv("REDIFF_PREBUILT", "");
    expect(findPrebuilt(listener(), root)).toBeUndefined();
    const place = join(root, "node_modules", PREBUILT_PACKAGE);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(folder, place);
    expect(findPrebuilt(listener(), root)?.folder).toBe(folder);
  });

  test("that does not fit is passed over, with the reason in a line", async () => {
    const { folder, torch, root } = await made();
    const good = join(dirname(folder), "good");
    cpSync(folder, good, { recursive: true });
    const reason = (damage: () => void) => {
      rmSync(folder, { recursive: true });
      cpSync(good, folder, { recursive: true });
      damage();
      const ui = listener();
      expect(findPrebuilt(ui, root)).toBeUndefined();
      expect(ui.lines).toHaveLength(1);
      expect(ui.lines[0]).toContain(`passing over the prebuilt addon in ${folder}: `);
      return ui.lines[0];
    };
    expect(reason(() => appendFileSync(join(folder, "rediff_host.node"), "x"))).toContain(
      "rediff_host.node has another sha256 than manifest.json says",
    );
    expect(reason(() => change(folder, { platform: "linux-mips" }))).toContain(
      `it is for linux-mips, and this is ${platformName}`,
    );
    expect(reason(() => change(folder, { nodeApi: 99 }))).toContain("it needs Node-API 99");
    expect(reason(() => change(folder, { glibc: "9.1" }))).toContain("it needs glibc 9.1");
    expect(reason(() => change(folder, { sources: "" }))).toContain("it was built from other sources");
    expect(reason(() => change(folder, { cuda: 13 }))).toContain("manifest.json is incomplete");
    expect(reason(() => change(folder, { format: 2 }))).toContain("is not of format 1");
    expect(reason(() => rmSync(join(folder, "manifest.json")))).toContain("ENOENT");
    expect(reason(() => rmSync(join(folder, "rediff_torch.node")))).toContain("ENOENT");

    const prebuilt = { folder: good, manifest: parseManifest(readFileSync(join(good, "manifest.json"), "utf8")) };
    const ui = listener();
    expect(await takePrebuilt(prebuilt, { ...torch, version: "2.14.0" }, ui)).toBeUndefined();
    expect(ui.lines).toEqual([expect.stringContaining(`it is for libtorch 2.15.0, and ${torch.libDir} has 2.14.0`)]);
    writeFileSync(join(good, "rediff_torch.node"), "no library");
    expect(await takePrebuilt(prebuilt, torch, ui)).toBeUndefined();
    expect(ui.lines.at(-1)).toMatch(/rediff_torch\.node cannot be loaded \(.*\)$/);
    expect(readdirSync(join(dirname(root), "another cache/addon/linking"))).toEqual([]);
  });

  test("spares a set-up the compiler, and where it does not fit, that lacks it", async () => {
    const { folder, torch } = await made();
    change(folder, { sources: sourceHash() });
    write(dirname(torch.includeDir), { "build-version": "2.15.0", "include/ATen/core/dispatch/Dispatcher.h": "" });
    vi.stubEnv("LIBTORCH", dirname(torch.libDir));
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const found = await ensureTorch({ log });
    expect(require(found.addon)).toEqual({ answer: 42 });
    expect(lines.join("\n")).toContain(`took the prebuilt addon of ${folder}`);
    expect(await ensureTorch({ quiet: true, log })).toEqual(found);

    vi.stubEnv("REDIFF_CACHE", join(dirname(folder), "third cache"));
    write(dirname(torch.includeDir), { "build-version": "2.14.0" });
    await expect(ensureTorch({ log })).rejects.toMatchObject({
      message: "there is no C++ compiler CXX=no-compiler",
      hint: expect.stringContaining("REDIFF_PREBUILT"),
    });
    expect(lines.at(-1)).toContain("it is for libtorch 2.15.0");
  });

  test("takes the place of no other folder", async () => {
    const { folder, torch, root } = await made();
    rmSync(join(folder, "manifest.json"));
    await expect(makePackage(torch, dirname(folder), listener(), root)).rejects.toThrow(
      "is there, and no such package",
    );
    expect(existsSync(join(folder, "package.json"))).toBe(true);
  });
});

test.each(["", "[]", "null", "7", '{"format":1}', '{"format":1,"files":[]}'])("the manifest %j is refused", (text) => {
  scratch();
  expect(() => parseManifest(text)).toThrow(/^manifest\.json is /);
});
