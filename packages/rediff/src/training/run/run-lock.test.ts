import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { lockOutput } from "./run-lock.js";

const { at } = folderOfFile();

function leave(name: string, content: string): string {
  mkdirSync(at(name));
  writeFileSync(at(`${name}/.lock`), content);
  return at(name);
}

describe("lockOutput", () => {
  test("one at a time, and free again afterwards", () => {
    const output = at("one");
    {
      using _ = lockOutput(output);
      expect(() => lockOutput(output)).toThrow(`${output} is in use by another run (process ${process.pid}`);
    }
    expect(existsSync(at("one/.lock"))).toBe(false);
    using again = lockOutput(output);
    expect(again).toBeDefined();
  });

  test("leaves no folder behind where nothing was written, and everything where something was", () => {
    lockOutput(at("new/deep/output"))[Symbol.dispose]();
    expect(existsSync(at("new"))).toBe(false);
    const lock = lockOutput(at("kept/output"));
    writeFileSync(at("kept/output/model"), "");
    lock[Symbol.dispose]();
    expect(existsSync(at("kept/output/model"))).toBe(true);
  });

  test("takes over from a process that is no more, and a lock that was cut short", () => {
    const { pid } = spawnSync("true");
    using dead = lockOutput(leave("dead", JSON.stringify({ pid, host: hostname() })));
    using torn = lockOutput(leave("torn", '{"pi'));
    expect([dead, torn]).toHaveLength(2);
  });

  test("another machine's lock holds until it has not been touched for an hour", () => {
    const output = leave("elsewhere", JSON.stringify({ pid: 1, host: "another-machine" }));
    expect(() => lockOutput(output)).toThrow("process 1 on another-machine");
    const old = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(at("elsewhere/.lock"), old, old);
    using taken = lockOutput(output);
    expect(taken).toBeDefined();
  });
});
