/** `rediff launch -- evaluate` with real processes, one of which is killed: the scores are those of one. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { jsonLines, rediffHere, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at } = folderOfFile();

const evaluate = (output: string) => [
  ...["evaluate", "chartqa", "--data", at("data"), "--model", at("model"), "--gen-length", "64", "--steps", "64"],
  ...["--device", "cpu", "--dtype", "float32", "--output", at(output)],
];

test.skipIf(process.platform !== "linux")(
  "questions are handed out; a killed process loses and doubles nothing, and the first process scores all",
  { timeout: 900_000 },
  async () => {
    writeTinyModel(at("model"));
    mkdirSync(at("data"));
    copyFileSync(fixturePath("color.jpg"), at("data/a.jpg"));
    const rows = Array.from({ length: 12 }, (_, i) => ({
      ...{ type: "human_test", question: `How many? ${i}`, answer: String(i), image: "a.jpg" },
    }));
    writeFileSync(at("data/test.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const alone = await rediffHere(...evaluate("alone"));
    expect(alone.status, alone.stderr).toBe(0);

    const { child, done } = await startRediff([
      ...["launch", "--nproc", "2", "--restarts", "1", "--"],
      ...evaluate("together"),
    ]);
    const own = at("together/chartqa/answers.jsonl.rank-00001-of-00002");
    while (child.exitCode === null && !(existsSync(own) && readFileSync(own, "utf8").includes("\n"))) await sleep(5);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    process.kill(Number(children[1]), "SIGKILL");
    const { status, stdout, stderr } = await done;
    expect([status, stdout], stderr).toEqual([0, alone.stdout]);
    expect(stderr).toContain("rediff launch: rank 1 was killed by SIGKILL; ending the others\n");
    const answers = (output: string) =>
      jsonLines(readFileSync(at(output, "chartqa/answers.jsonl"), "utf8")).map(({ seconds: _, ...rest }) => rest);
    expect(answers("together")).toEqual(answers("alone"));
    expect(readdirSync(at("together/chartqa")).filter((name) => /rank|lock/.test(name))).toEqual([]);
  },
);
