import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { LineLog } from "../../files/line-log.js";
import type { TraceStep } from "../../inference/trace-format.js";
import { folderOfFile } from "../../testing/folders.js";
import { TraceFile } from "./trace-file.js";

const { at } = folderOfFile();

const step = (image: string, number: number, run: number): string => {
  const request = number === 0 ? { request: { kind: "describe" } } : {};
  return `${JSON.stringify({ image, type: "step", step: number, seconds: run, ...request })}\n`;
};
const answer = (image: string, steps: number, run = 1): string[] =>
  Array.from({ length: steps }, (_, number) => step(image, number, run));

async function resumed(lines: readonly string[], done: Record<string, number>) {
  const path = at("trace.jsonl");
  writeFileSync(path, lines.join(""));
  const { trace, traced } = await TraceFile.resume(path, new Map(Object.entries(done)));
  trace.close();
  return { traced, left: readFileSync(path, "utf8") };
}

test("steps of a picture without a result go, with half a line; those with one stay, in their order", async () => {
  const together = [step("a", 0, 1), step("b", 0, 1), step("a", 1, 1), step("b", 1, 1)];
  const { traced, left } = await resumed([...together, ...answer("c", 2), step("d", 0, 1).slice(0, 30)], {
    a: 2,
    b: 2,
  });
  expect(left).toBe(together.join(""));
  expect(traced).toBe(2);
});

test("a whole trace is left alone, even its bytes on the disk", async () => {
  const lines = [...answer("a", 3), ...answer("b", 2)];
  expect(await resumed(lines, { a: 3, b: 2 })).toEqual({ traced: 2, left: lines.join("") });
});

test("steps that are there twice, or not all there, are told from those of the result", async () => {
  const lines = [...answer("a", 2, 1), ...answer("b", 3, 1), ...answer("a", 3, 2), ...answer("c", 1, 1)];
  expect(await resumed(lines, { a: 3, b: 3, c: 4 })).toEqual({
    traced: 2,
    left: [...answer("b", 3, 1), ...answer("a", 3, 2)].join(""),
  });
});

test("what is written afterwards follows", async () => {
  const path = at("on.jsonl");
  writeFileSync(path, [...answer("a", 1), ...answer("b", 1)].join(""));
  const { trace } = await TraceFile.resume(path, new Map([["a", 1]]));
  trace.write("b", { type: "step", step: 0 } as TraceStep);
  trace.close();
  expect(readFileSync(path, "utf8")).toBe(`${answer("a", 1).join("")}{"image":"b","type":"step","step":0}\n`);
});

test("a file that is no trace is left alone", async () => {
  const path = at("notes.txt");
  writeFileSync(path, "my notes\n");
  await expect(TraceFile.resume(path, new Map([["a", 1]]))).rejects.toThrow(/notes\.txt: line 1 is not a step/);
  expect(readFileSync(path, "utf8")).toBe("my notes\n");
});

test.each([
  ["a picture", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0])],
  ["notes", Buffer.from("my notes\n")],
  ["results", Buffer.from('{"image":"a","text":"a dog"}\n')],
  ["a result without its line break", Buffer.from('{"image":"a","text":"a dog"}')],
])("a new trace does not replace %s", async (_, bytes) => {
  const path = at("something-else");
  writeFileSync(path, bytes);
  await expect(TraceFile.plan(path)).rejects.toThrow(/something-else: line 1 is not a step/);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test.each([
  ["a trace", answer("a", 2).join("")],
  ["half a first line", step("a", 0, 1).slice(0, 20)],
  ["its first bytes", '{"im'],
  ["nothing", ""],
])("a new trace replaces %s of an earlier run", async (_, content) => {
  const path = at("earlier.jsonl");
  writeFileSync(path, content);
  const trace = await TraceFile.plan(path);
  trace.write("b", { type: "step", step: 0 } as TraceStep);
  trace.close();
  expect(readFileSync(path, "utf8")).toBe('{"image":"b","type":"step","step":0}\n');
});

const STEP = { type: "step" } as TraceStep;

test.skipIf(!existsSync("/dev/full"))("a disk that is full is one line", async () => {
  const trace = await TraceFile.plan("/dev/full");
  expect(() => trace.write("a", STEP)).toThrow("/dev/full cannot be written: no space left on the disk");
  trace.close();
});

test.skipIf(process.platform === "win32")("a pipe is written to while somebody reads, and not waited for", async () => {
  const pipe = at("pipe");
  execFileSync("mkfifo", [pipe]);
  await expect(TraceFile.plan(pipe)).rejects.toThrow(`${pipe} cannot be written: nobody reads at its other end`);
  await expect(LineLog.open(pipe, { beginning: "{", what: "no line", onLine: () => true })).rejects.toThrow(
    "nobody reads at its other end",
  );
  const read = text(createReadStream(pipe));
  const trace = await TraceFile.plan(pipe);
  const log = await LineLog.open(pipe, { beginning: "{", what: "no line", onLine: () => true });
  trace.write("a", STEP);
  trace.close();
  await log.append({ n: "x".repeat(100_000) }); // more than a pipe holds
  await log.close();
  expect((await read).length).toBeGreaterThan(100_000);
});

test("- names no file", async () => {
  await expect(TraceFile.plan("-")).rejects.toThrow("- does not stand for standard output here");
});
