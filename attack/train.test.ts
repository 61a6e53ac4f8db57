/** The battery of `npm run attack:train`, a small part of it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { isClear } from "./train/count.mjs";
import { difference } from "./train/reference.mjs";
import { losses, weights } from "./train/runs.mjs";

const folder = mkdtempSync(join(tmpdir(), "rediff-attack-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const script = fileURLToPath(new URL("train.mjs", import.meta.url));

function attack(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

interface Row {
  title: string;
  tried: number;
  equal: number;
  refused: number;
  wrong: number;
}

describe("npm run attack:train", () => {
  test("kills a training twice, and its losses and weights are those of the undisturbed one", () => {
    const { status, stdout, stderr } = attack("--only", "kills", "--kills", "2", "--seed", "3", "--json");
    expect(stderr).toBe("kills\n");
    expect(status).toBe(0);
    const { rows } = JSON.parse(stdout) as { rows: Row[] };
    expect(rows.reduce((sum, { equal }) => sum + equal, 0)).toBe(2);
    expect(rows.every(({ title }) => title.startsWith("killed: "))).toBe(true);
  });

  test("changes the data, and the change is refused by its name", () => {
    const { status, stdout } = attack("--only", "data", "--kills", "1", "--seed", "4", "--json");
    const { rows } = JSON.parse(stdout) as { rows: Row[] };
    expect(rows.map(({ tried, refused, wrong }) => [tried, refused, wrong])).toEqual([[1, 1, 0]]);
    expect(status).toBe(0);
  });

  test("says what can be asked of it, and what cannot", () => {
    expect(attack("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("--kills N") });
    expect(attack("--only", "earthquakes")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("--only must be one of kills, disks, clock, data; got earthquakes"),
    });
    expect(attack("--kills", "0").stderr).toContain("--kills must be a positive integer, got 0");
  });
});

describe("what a run has left", () => {
  const line = (step: number, loss: number) =>
    `${JSON.stringify({ step, epoch: 1, loss, learning_rate: 1, seconds: Math.random() })}\n`;

  function finished(name: string): string {
    const output = at(name);
    mkdirSync(join(output, "checkpoint-2"), { recursive: true });
    writeFileSync(join(output, "metrics.jsonl"), line(1, 0.5) + line(2, 0.25));
    for (const file of ["checkpoint-2/model.safetensors", "model.safetensors", "config.json"])
      writeFileSync(join(output, file), file);
    return output;
  }

  test("is equal, or the first difference is named", () => {
    const good = finished("good");
    const reference = {
      name: "good",
      args: [],
      ms: 0,
      losses: losses(good),
      checkpoints: new Map([[2, weights(join(good, "checkpoint-2"))]]),
      final: JSON.stringify(JSON.parse(weights(good)).slice(1)),
    };
    const judged = (name: string, change: (output: string) => void) => {
      const output = finished(name);
      change(output);
      return difference(output, reference, { isFinished: true });
    };
    expect(judged("same", () => undefined)).toBeUndefined();
    const metrics = (output: string) => join(output, "metrics.jsonl");
    expect(judged("loss", (output) => writeFileSync(metrics(output), line(1, 0.5) + line(2, 0.26)))).toMatch(
      /^step 2 /,
    );
    expect(judged("short", (output) => writeFileSync(metrics(output), line(1, 0.5)))).toBe(
      "1 steps have losses, not 2",
    );
    expect(judged("moments", (output) => writeFileSync(join(output, "checkpoint-2/model.safetensors"), ""))).toBe(
      "checkpoint-2 has other weights or moments",
    );
    expect(judged("weights", (output) => writeFileSync(join(output, "model.safetensors"), ""))).toBe(
      "the trained weights are other ones",
    );
    expect(() =>
      judged("twice", (output) => writeFileSync(metrics(output), readFileSync(metrics(output), "utf8").repeat(2))),
    ).toThrow(/step 1 is in .* twice/);
  });

  test("is a clear line, or an error of the system", () => {
    expect(isClear("saved\nrediff: o/x cannot be written: no space left on the disk. Make room.\n")).toBe(true);
    for (const said of [
      "rediff: o/x cannot be written: no space left on the disk\n",
      "rediff: ENOSPC: no space left on device, write. Make room.\n",
      "rediff: it failed. Try again.\n    at write (node:fs:1:1)\n",
    ])
      expect(isClear(said), said).toBe(false);
  });
});
