/** The fixtures give what they say, and take it away again. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Tensor, zeros } from "@rediff/torch";
import { afterAll, describe, expect } from "vitest";
import { test } from "./fixtures.js";
import { folderOfEachTest, folderOfFile } from "./folders.js";
import { expectNoLeaks } from "./leaks.js";

const shared = folderOfFile();
const own = folderOfEachTest();
const seen: string[] = [];
const tooEarly = messageOf(() => own.path);

describe("folders", () => {
  test("one of the test, empty", ({ folder }) => {
    expect(existsSync(folder)).toBe(true);
    writeFileSync(join(folder, "x"), "");
    writeFileSync(own.at("x"), "");
    writeFileSync(shared.at("x"), "");
    seen.push(folder, own.path);
  });

  test("another one for the next test, and the first is gone", ({ folder }) => {
    expect(existsSync(join(folder, "x"))).toBe(false);
    expect(existsSync(own.at("x"))).toBe(false);
    expect(existsSync(shared.at("x"))).toBe(true);
    expect(seen.map((path) => existsSync(path))).toEqual([false, false]);
  });

  test("the path of a test's folder is not known before it runs", () => {
    expect(tooEarly).toBe("no test is running: the folder of a test is not there yet");
  });
});

describe("models", () => {
  test("are the same for all tests of a file", ({ model, tinyModel, tokenizer }) => {
    expect(existsSync(join(tinyModel, "config.json"))).toBe(true);
    expect(model.model.tokenizer.length).toBe(tokenizer.length);
  });
});

test("what is written is caught, and an exit status does not end the test run", ({ output }) => {
  process.stdout.write("out");
  process.stderr.write("err");
  process.exitCode = 3;
  expect(output).toEqual({ stdout: "out", stderr: "err" });
});

describe("expectNoLeaks", () => {
  let kept: Tensor | undefined;
  afterAll(() => kept?.[Symbol.dispose]());

  test("is content with tensors that are freed", () => {
    expectNoLeaks();
    using tensor = zeros([2]);
    expect(tensor.shape).toEqual([2]);
  });

  test.fails("is not content with one that stays", () => {
    expectNoLeaks();
    kept = zeros([2]);
  });
});

function messageOf(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    return (error as Error).message;
  }
}
