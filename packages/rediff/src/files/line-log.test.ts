import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { LineLog } from "./line-log.js";

const { at } = folderOfFile();

async function open(file: string) {
  const seen: [number, number][] = [];
  const log = await LineLog.open(at(file), {
    beginning: '{"n":',
    what: "no number",
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
  expect(existsSync(at("a.jsonl"))).toBe(false);
  await log.append({ n: 1 });
  await log.append({ n: 2 });
  expect(readFileSync(at("a.jsonl"), "utf8")).toBe('{"n":1}\n{"n":2}\n');
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
  expect(existsSync(at("deep"))).toBe(false);
  await log.touch();
  await log.close();
  expect(readFileSync(at("deep/er/b.jsonl"), "utf8")).toBe("");
});

describe("what a kill left", () => {
  const whole = '{"n":1}\n\n{"n":2}\n';

  test.each(["{", '{"n', '{"n":', '{"n":3', '{"n":3, "text":"\u00e9'])("%j goes", async (torn) => {
    writeFileSync(at("torn.jsonl"), whole + torn);
    const { log, seen } = await open("torn.jsonl");
    expect(seen.map(([, n]) => n)).toEqual([1, 2]);
    expect(readFileSync(at("torn.jsonl"), "utf8")).toBe(whole);
    await log.append({ n: 4 });
    await log.close();
    expect(readFileSync(at("torn.jsonl"), "utf8")).toBe(`${whole}{"n":4}\n`);
  });

  test("half a character goes with its line", async () => {
    writeFileSync(at("half.jsonl"), Buffer.concat([Buffer.from(`${whole}{"n":3,"t":"`), Buffer.from([0xc3])]));
    await open("half.jsonl");
    expect(readFileSync(at("half.jsonl"), "utf8")).toBe(whole);
  });

  test("a whole line without its end gets it", async () => {
    writeFileSync(at("end.jsonl"), `${whole}{"n":3}`);
    const { seen } = await open("end.jsonl");
    expect(seen.at(-1)).toEqual([4, 3]);
    expect(readFileSync(at("end.jsonl"), "utf8")).toBe(`${whole}{"n":3}\n`);
  });

  test("a torn line longer than what is read at once", async () => {
    writeFileSync(at("long.jsonl"), `${whole}{"n":3,"t":"${"x".repeat(200_000)}`);
    await open("long.jsonl");
    expect(readFileSync(at("long.jsonl"), "utf8")).toBe(whole);
  });
});

describe("what is not ours stays as it is", () => {
  test.each(['{"m":1}\n', "hello\n", "hello", '{"n":1}\n[1]', '[{"n":1}]\n', '{"n":1}\n{"n":2\n{"n":3}\n'])(
    "%j",
    async (content) => {
      writeFileSync(at("foreign.jsonl"), content);
      await expect(open("foreign.jsonl")).rejects.toThrow(/foreign\.jsonl: .* is no number of an earlier run/);
      expect(readFileSync(at("foreign.jsonl"), "utf8")).toBe(content);
    },
  );

  test("a folder", async () => {
    mkdirSync(at("folder"));
    await expect(open("folder")).rejects.toThrow(/is a folder/);
  });
});

describe("a write that fails", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("half a line may stand there: nothing is written behind it, and the next start takes it away", async () => {
    const { log } = await open("full.jsonl");
    await log.append({ n: 1 });
    const handle = await openFile(at("other"), "w");
    const type = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    vi.spyOn(type, "appendFile").mockImplementationOnce(async () => {
      appendFileSync(at("full.jsonl"), '{"n":2,');
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    });
    await expect(log.append({ n: 2 })).rejects.toThrow(/full\.jsonl cannot be written: no space left on the disk/);
    await expect(log.append({ n: 3 })).rejects.toThrow(/full\.jsonl cannot be written: no space left on the disk/);
    expect(log.count).toBe(1);
    await log.close();
    expect(readFileSync(at("full.jsonl"), "utf8")).toBe('{"n":1}\n{"n":2,');

    const again = await open("full.jsonl");
    expect(again.seen).toEqual([[1, 1]]);
    await again.log.append({ n: 4 });
    await again.log.close();
    expect(readFileSync(at("full.jsonl"), "utf8")).toBe('{"n":1}\n{"n":4}\n');
  });
});
