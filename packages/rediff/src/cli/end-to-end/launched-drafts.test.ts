/** `rediff launch -- data draft` with real processes, one of which is killed: the file is, to the last byte, that of one. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { record, writeLines } from "../../data/testing/record-files.js";
import { rediffHere, startRediff } from "../../testing/command-line.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";

const { at } = folderOfFile();

const draft = (output: string) => [
  ...["data", "draft", at("data.jsonl"), "--model", at("model"), "--gen-length", "64", "--steps", "64"],
  ...["--device", "cpu", "--dtype", "float32", "--output", at(output)],
];

test.skipIf(process.platform !== "linux")(
  "records are handed out; a killed process loses and doubles nothing, and one record that fails starts nothing anew",
  { timeout: 900_000 },
  async () => {
    writeTinyModel(at("model"));
    const image = (i: number) => (i === 9 ? at("missing.jpg") : `${pictureFolder}/color.jpg`);
    writeLines(
      at("data.jsonl"),
      Array.from({ length: 12 }, (_, i) => record(`Answer ${i}.`, { image: image(i), id: `r${i}` })),
    );
    expect(await rediffHere(...draft("alone.jsonl"))).toMatchObject({ status: 3 });

    const { child, done } = await startRediff([
      ...["launch", "--nproc", "2", "--restarts", "1", "--"],
      ...draft("together.jsonl"),
    ]);
    const lines = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), "utf8").split("\n").length - 1 : 0);
    while (child.exitCode === null && lines("together.jsonl.rank-00001-of-00002") === 0) await sleep(5);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    process.kill(Number(children[1]), "SIGKILL");
    const { status, stdout, stderr } = await done;
    expect([status, stdout], stderr).toEqual([3, expect.stringContaining("together.jsonl: 11 drafts of 12 records")]);
    expect(stderr).toContain("rediff launch: rank 1 was killed by SIGKILL; ending the others\n");
    expect(stderr).toMatch(/1 of 12 records failed/);
    for (const name of ["jsonl", "jsonl.left-out.jsonl"])
      expect(readFileSync(at(`together.${name}`), "utf8")).toBe(readFileSync(at(`alone.${name}`), "utf8"));
    expect(readdirSync(at(".")).filter((name) => name.includes(".rank-"))).toEqual([]);
  },
);
