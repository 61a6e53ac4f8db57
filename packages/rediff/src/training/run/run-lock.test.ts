import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { faultyDisk } from "../../testing/disk-faults.js";
import { folderOfFile } from "../../testing/folders.js";
import { lockOutput } from "./run-lock.js";

const { at } = folderOfFile();

function leave(name: string, content: string): string {
  mkdirSync(at(name));
  writeFileSync(at(`${name}/.lock`), content);
  return at(name);
}

describe("lockOutput", () => {
  test("one at a time, and free again afterwards", async () => {
    const output = at("one");
    {
      using _ = await lockOutput(output);
      await expect(lockOutput(output)).rejects.toThrow(`${output} is in use by another run (process ${process.pid}`);
    }
    expect(existsSync(at("one/.lock"))).toBe(false);
    using again = await lockOutput(output);
    expect(again).toBeDefined();
  });

  test("leaves no folder behind where nothing was written, and everything where something was", async () => {
    (await lockOutput(at("new/deep/output")))[Symbol.dispose]();
    expect(existsSync(at("new"))).toBe(false);
    const lock = await lockOutput(at("kept/output"));
    writeFileSync(at("kept/output/model"), "");
    lock[Symbol.dispose]();
    expect(existsSync(at("kept/output/model"))).toBe(true);
  });

  test("takes over from a process that is no more, and a lock that was cut short", async () => {
    const { pid } = spawnSync("true");
    using dead = await lockOutput(leave("dead", JSON.stringify({ pid, host: hostname() })));
    using torn = await lockOutput(leave("torn", '{"pi'));
    expect([dead, torn]).toHaveLength(2);
  });

  test("another machine's lock holds until it has not been touched for an hour, nor while we watch", async () => {
    const output = leave("elsewhere", JSON.stringify({ pid: 1, host: "another-machine" }));
    await expect(lockOutput(output)).rejects.toThrow("process 1 on another-machine");
    const old = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(at("elsewhere/.lock"), old, old);
    const touching = setInterval(
      () => utimesSync(at("elsewhere/.lock"), old, new Date(old.getTime() + Math.random() * 1e6)),
      5,
    );
    await expect(lockOutput(output, { watchMs: 100 })).rejects.toThrow("process 1 on another-machine");
    clearInterval(touching);
    const notes: string[] = [];
    using taken = await lockOutput(output, { watchMs: 20, onNote: (line) => notes.push(line) });
    expect(taken).toBeDefined();
    expect(notes).toEqual([expect.stringMatching(/\.lock of another-machine is old; watching for 1 s/)]);
  });

  test("a clock that was set back makes no lock free, and leaves the remedy", async () => {
    const output = leave("future", JSON.stringify({ pid: 1, host: "another-machine" }));
    const later = new Date(Date.now() + 1e9);
    utimesSync(at("future/.lock"), later, later);
    await expect(lockOutput(output)).rejects.toMatchObject({
      hint: expect.stringMatching(/If it is no more, remove .*lock/),
    });
  });

  test.skipIf(!existsSync("/proc/self/stat"))(
    "a process of the same number that began at another time is no more",
    async () => {
      const earlier = { pid: process.pid, host: hostname(), since: "an earlier boot/1" };
      using taken = await lockOutput(leave("container", JSON.stringify(earlier)));
      expect(taken).toBeDefined();
    },
  );

  test("what cannot be written is one line, and a disk that fails in the end hides nothing", async () => {
    writeFileSync(at("file"), "");
    await expect(lockOutput(at("file/run"))).rejects.toThrow(
      /file\/run cannot be written: a part of the path is no folder/,
    );
    await expect(lockOutput(at("x".repeat(300)))).rejects.toThrow(/xxx cannot be written: the name is too long/);
    const lock = await lockOutput(at("fails"));
    using _ = faultyDisk(at("fails"), { at: 0, how: "EROFS" });
    expect(() => lock[Symbol.dispose]()).not.toThrow();
  });
});
