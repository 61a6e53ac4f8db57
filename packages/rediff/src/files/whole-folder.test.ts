/** Whole folders: written, replaced, removed, and what killed runs leave. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../testing/folders.js";
import { makeFolders, removeWholeFolder, sweepLeftovers, writeWholeFolder } from "./whole-folder.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const fill = (text: string) => async (folder: string) => {
  mkdirSync(join(folder, "inner"));
  writeFileSync(join(folder, "inner", "a.txt"), text);
};
const target = () => at("deep", "checkpoint-1");

describe("writeWholeFolder", () => {
  test("the folder appears when it is whole, and nothing else", async () => {
    await writeWholeFolder(target(), async (folder) => {
      await fill("one")(folder);
      expect(existsSync(target())).toBe(false);
    });
    expect(readFileSync(join(target(), "inner", "a.txt"), "utf8")).toBe("one");
    expect(readdirSync(at("deep"))).toEqual(["checkpoint-1"]);
  });

  test("takes the place of one that is there", async () => {
    await writeWholeFolder(target(), fill("one"));
    await writeWholeFolder(target(), fill("two"));
    expect(readFileSync(join(target(), "inner", "a.txt"), "utf8")).toBe("two");
    expect(readdirSync(at("deep"))).toEqual(["checkpoint-1"]);
  });

  test("a failure leaves what was there, and nothing new", async () => {
    await writeWholeFolder(target(), fill("one"));
    const failing = writeWholeFolder(target(), async (folder) => {
      await fill("two")(folder);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(readFileSync(join(target(), "inner", "a.txt"), "utf8")).toBe("one");
    expect(readdirSync(at("deep"))).toEqual(["checkpoint-1"]);
  });
});

test("removeWholeFolder", async () => {
  await writeWholeFolder(target(), fill("one"));
  await removeWholeFolder(target());
  expect(readdirSync(at("deep"))).toEqual([]);
});

describe("sweepLeftovers", () => {
  /** A process that is no more. */
  const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid;
  const leave = (name: string) => {
    mkdirSync(at(name));
    writeFileSync(at(name, "model.safetensors"), "half");
  };

  test("removes what dead processes left, and nothing else", async () => {
    const dead = deadPid();
    leave(`.checkpoint-5.saving-${hostname()}-${dead}`);
    leave(`.checkpoint-4.removing-${hostname()}-${dead}`);
    leave(`.run.partial-${hostname()}-${dead}`);
    leave(`.checkpoint-6.saving-${hostname()}-${process.ppid}`); // alive
    leave(`.checkpoint-6.saving-another.host-name-${dead}`);
    leave("checkpoint-3");
    leave(".hidden");
    expect((await sweepLeftovers(scratch.path)).length).toBe(3);
    expect(readdirSync(scratch.path).sort()).toEqual(
      [
        `.checkpoint-6.saving-${hostname()}-${process.ppid}`,
        `.checkpoint-6.saving-another.host-name-${dead}`,
        ".hidden",
        "checkpoint-3",
      ].sort(),
    );
  });

  test("another machine's when it was not touched for long", async () => {
    const name = ".checkpoint-6.saving-another-1";
    leave(name);
    expect(await sweepLeftovers(scratch.path)).toEqual([]);
    const past = new Date(Date.now() - 3_600_000);
    for (const path of [at(name, "model.safetensors"), at(name)]) utimesSync(path, past, past);
    expect(await sweepLeftovers(scratch.path)).toEqual([name]);
  });

  test("of a folder that is not there", async () => expect(await sweepLeftovers(at("absent"))).toEqual([]));
});

test.skipIf(!existsSync("/proc/self"))("a place that takes no folders is an error, and not waited for", () => {
  expect(() => makeFolders("/proc/none/inner")).toThrow("ENOENT");
  writeFileSync(at("file"), "");
  expect(() => makeFolders(at("file"))).toThrow("EEXIST");
  expect(() => makeFolders(at("file/x"))).toThrow("ENOTDIR");
  expect(makeFolders(at("new/deep/er"))).toBe(at("new"));
  expect(makeFolders(at("new/deep"))).toBeUndefined();
});
