/** `rediff launch -- caption` with real processes, one of which is killed: the file is that of one process. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { jsonLines, rediffHere, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";

const { at } = folderOfFile();

const PICTURES = 16;

const caption = (output: string, ...more: string[]) => [
  ...["caption", at("pictures"), "--model", at("model"), "--gen-length", "16", "--steps", "16", "--device", "cpu"],
  ...["--dtype", "float32", "--output", at(output), ...more],
];

/** What does not differ from run to run. */
const results = (...outputs: string[]) =>
  outputs.flatMap((output) =>
    jsonLines(readFileSync(at(output), "utf8")).map(({ image, text, token_ids }) => ({ image, text, token_ids })),
  );

beforeAll(async () => {
  writeTinyModel(at("model"));
  mkdirSync(at("pictures"));
  for (let i = 0; i < PICTURES; i++)
    await sharp({ create: { width: 14 + i, height: 14, channels: 3, background: { r: 10 * i, g: 40, b: 90 } } })
      .png()
      .toFile(at("pictures", `${String(i).padStart(2, "0")}.png`));
  expect(await rediffHere(...caption("alone.jsonl"))).toMatchObject({ status: 0 });
});

test.skipIf(process.platform !== "linux")(
  "pictures are handed out; a killed process loses and doubles nothing, and the order is that of the pictures",
  { timeout: 300_000 },
  async () => {
    const { child, done } = await startRediff([
      ...["launch", "--nproc", "2", "--restarts", "1", "--"],
      ...caption("together.jsonl"),
    ]);
    const parts = () => readdirSync(at(".")).filter((name) => name.startsWith("together.jsonl.rank-"));
    const lines = (name: string) => readFileSync(at(name), "utf8").split("\n").length - 1;
    while (child.exitCode === null && !parts().some((name) => /rank-00001/.test(name) && lines(name) > 0))
      await sleep(5);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    process.kill(Number(children[1]), "SIGKILL");
    const { status, stderr } = await done;
    expect(status, stderr).toBe(0);
    expect(stderr).toContain("rediff launch: rank 1 was killed by SIGKILL; ending the others\n");
    expect(stderr).toMatch(/\d+ of 16 are in .*together\.jsonl already/);
    expect(results("together.jsonl")).toEqual(results("alone.jsonl"));
    expect(parts()).toEqual([]);
  },
);

test("a shard is every N-th picture", { timeout: 300_000 }, async () => {
  expect(await rediffHere(...caption("shard.jsonl", "--shard", "1/3"))).toMatchObject({ status: 0 });
  expect(results("shard.jsonl")).toEqual(results("alone.jsonl").filter((_, place) => place % 3 === 1));
  expect(await rediffHere(...caption("none.jsonl", "--shard", "3/3"))).toMatchObject({ status: 2 });
  expect(existsSync(at("none.jsonl"))).toBe(false);
});
