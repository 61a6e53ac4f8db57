import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { sharedLibrary } from "./paths.mjs";
import { scratch, write } from "./scratch.js";
import { sameTimes, sourceHash, sourceTimes } from "./sources.mjs";
import { locateTorch, type Torch, writeStamp } from "./stamp.mjs";

/** A set-up that has been done: for the real sources, with an addon and a libtorch of paper. */
function setUp(): { torch: Torch; core: string } {
  const folder = scratch();
  const core = join(folder, "lib", sharedLibrary("torch_cpu"));
  write(folder, { [`lib/${sharedLibrary("torch_cpu")}`]: "core", "addon.node": "addon" });
  const torch: Torch = {
    addon: join(folder, "addon.node"),
    libDir: join(folder, "lib"),
    torchVersion: "2.15.0",
    source: "wheel",
  };
  writeStamp(torch, sourceHash(), sourceTimes());
  return { torch, core };
}

describe("the addon of the last set-up", () => {
  test("is found again, in a few milliseconds", () => {
    const { torch } = setUp();
    const millis = Array.from({ length: 10 }, () => {
      const started = performance.now();
      expect(locateTorch()).toEqual(torch);
      return performance.now() - started;
    });
    expect(Math.min(...millis)).toBeLessThan(20);
  });

  test("is not there before the first", () => {
    scratch();
    expect(locateTorch()).toBeUndefined();
  });

  test("does not count when it, or its libtorch, is gone or another", () => {
    const { torch, core } = setUp();
    writeFileSync(core, "another one");
    expect(locateTorch()).toBeUndefined();
    rmSync(core);
    expect(locateTorch()).toBeUndefined();
    const second = setUp();
    rmSync(second.torch.addon);
    expect(locateTorch()).toBeUndefined();
    expect(second.torch.addon).not.toBe(torch.addon);
  });

  test.each(["LIBTORCH", "REDIFF_TORCH_VERSION", "REDIFF_CUDA", "REDIFF_PREBUILT"])(
    "does not count when %s asks for another",
    (name) => {
      const { torch } = setUp();
      expect(locateTorch()).toEqual(torch);
      vi.stubEnv(name, "1");
      expect(locateTorch()).toBeUndefined();
    },
  );

  test("does not count when the sources have changed, and does when only their times have", () => {
    const { torch } = setUp();
    const oldTimes = Object.fromEntries(Object.keys(sourceTimes()).map((file) => [file, [1, 1] as [number, number]]));
    writeStamp(torch, sourceHash(), oldTimes);
    expect(locateTorch()).toEqual(torch);
    writeStamp(torch, "the hash of other sources", oldTimes);
    expect(locateTorch()).toBeUndefined();
  });

  test("does not count when its note is damaged", () => {
    setUp();
    const stamps = join(process.env.REDIFF_CACHE ?? "", "stamps");
    const [name = ""] = readdirSync(stamps);
    for (const text of ["", "{", "[]", "null", '{"format":1}']) {
      writeFileSync(join(stamps, name), text);
      expect(locateTorch()).toBeUndefined();
    }
  });
});

test("the hash of the sources goes by names and contents, their times by size and clock", () => {
  const folder = scratch();
  const files = { "native/a.cc": "a", "native/sub/b.h": "b", "setup/build.mjs": "flags" };
  write(folder, files);
  const [hash, times] = [sourceHash(folder), sourceTimes(folder)];
  expect(Object.keys(times)).toEqual(Object.keys(files));

  utimesSync(join(folder, "native/a.cc"), new Date(0), new Date(0));
  expect(sameTimes(sourceTimes(folder), times)).toBe(false);
  expect(sourceHash(folder)).toBe(hash);

  for (const change of [{ "native/a.cc": "c" }, { "setup/build.mjs": "other" }, { "native/new.cc": "" }]) {
    write(folder, change);
    expect(sourceHash(folder)).not.toBe(hash);
    rmSync(join(folder, "native/new.cc"), { force: true });
    write(folder, files);
    expect(sourceHash(folder)).toBe(hash);
  }
});
