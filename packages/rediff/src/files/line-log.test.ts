import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { scratch } from "../data/testing/fixtures.js";
import { LineLog } from "./line-log.js";

const { path, remove } = scratch();
afterAll(remove);

async function open(file: string) {
  const seen: [number, number][] = [];
  const log = await LineLog.open(path(file), {
    beginning: '{"n":',
    what: "number",
    onLine: (value, line) => {
      const n = (value as { n?: unknown }).n;
      if (typeof n !== "number") return false;
      seen.push([line, n]);
      return true;
    },
  });
  return { log, seen };
}

test("lines are appended at once, and told at the next start", async () => {
  const { log } = await open("a.jsonl");
  expect(existsSync(path("a.jsonl"))).toBe(false);
  await log.append({ n: 1 });
  await log.append({ n: 2 });
  expect(readFileSync(path("a.jsonl"), "utf8")).toBe('{"n":1}\n{"n":2}\n');
  await log.close();
  const again = await open("a.jsonl");
  expect(again.seen).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect(again.log.count).toBe(2);
});

test("a file is made in a folder that is not there yet", async () => {
  const { log } = await open("deep/er/b.jsonl");
  expect(existsSync(path("deep"))).toBe(false);
  await log.touch();
  await log.close();
  expect(readFileSync(path("deep/er/b.jsonl"), "utf8")).toBe("");
});

describe("what a kill left", () => {
  const whole = '{"n":1}\n\n{"n":2}\n';

  test.each(["{", '{"n', '{"n":', '{"n":3', '{"n":3, "text":"\u00e9'])("%j goes", async (torn) => {
    writeFileSync(path("torn.jsonl"), whole + torn);
    const { log, seen } = await open("torn.jsonl");
    expect(seen.map(([, n]) => n)).toEqual([1, 2]);
    expect(readFileSync(path("torn.jsonl"), "utf8")).toBe(whole);
    await log.append({ n: 4 });
    await log.close();
    expect(readFileSync(path("torn.jsonl"), "utf8")).toBe(`${whole}{"n":4}\n`);
  });

  test("half a character goes with its line", async () => {
    writeFileSync(path("half.jsonl"), Buffer.concat([Buffer.from(`${whole}{"n":3,"t":"`), Buffer.from([0xc3])]));
    await open("half.jsonl");
    expect(readFileSync(path("half.jsonl"), "utf8")).toBe(whole);
  });

  test("a whole line without its end gets it", async () => {
    writeFileSync(path("end.jsonl"), `${whole}{"n":3}`);
    const { seen } = await open("end.jsonl");
    expect(seen.at(-1)).toEqual([4, 3]);
    expect(readFileSync(path("end.jsonl"), "utf8")).toBe(`${whole}{"n":3}\n`);
  });

  test("a torn line longer than what is read at once", async () => {
    writeFileSync(path("long.jsonl"), `${whole}{"n":3,"t":"${"x".repeat(200_000)}`);
    await open("long.jsonl");
    expect(readFileSync(path("long.jsonl"), "utf8")).toBe(whole);
  });
});

describe("what is not ours stays as it is", () => {
  test.each(['{"m":1}\n', "hello\n", "hello", '{"n":1}\n[1]', '[{"n":1}]\n', '{"n":1}\n{"n":2\n{"n":3}\n'])(
    "%j",
    async (content) => {
      writeFileSync(path("foreign.jsonl"), content);
      await expect(open("foreign.jsonl")).rejects.toThrow(/foreign\.jsonl: .* is no number of an earlier run/);
      expect(readFileSync(path("foreign.jsonl"), "utf8")).toBe(content);
    },
  );

  test("a folder", async () => {
    mkdirSync(path("folder"));
    await expect(open("folder")).rejects.toThrow(/is a folder/);
  });
});
