import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, expect, test } from "vitest";
import { scratch } from "../../data/testing/fixtures.js";
import { fingerprint } from "./fingerprint.js";

const { path, remove } = scratch();
afterAll(remove);

beforeEach(() => {
  rmSync(path("model"), { recursive: true, force: true });
  mkdirSync(path("model"));
  writeFileSync(path("model/model-1.safetensors"), Buffer.alloc(3_000_000, 7));
  writeFileSync(path("model/model-2.safetensors"), "small");
  writeFileSync(path("model/config.json"), "{}");
});

test("the same weights in another folder are the same", async () => {
  const before = await fingerprint(path("model"));
  expect(before).toMatch(/^sha256:[0-9a-f]{16}$/);
  cpSync(path("model"), path("copy"), { recursive: true });
  writeFileSync(path("copy/training.json"), "1");
  expect(await fingerprint(path("copy"))).toBe(before);
});

test("any change of size, name, small files, beginning or end, and a change all over a large file", async () => {
  const seen = new Set([await fingerprint(path("model"))]);
  const large = readFileSync(path("model/model-1.safetensors"));
  const change = async (apply: () => void) => {
    apply();
    seen.add(await fingerprint(path("model")));
  };
  await change(() => writeFileSync(path("model/model-2.safetensors"), "smalL"));
  await change(() => writeFileSync(path("model/model-1.safetensors"), large.subarray(1)));
  await change(() =>
    writeFileSync(
      path("model/model-1.safetensors"),
      large.map((byte, i) => (i === 0 ? 8 : byte)),
    ),
  );
  const last = large.length - 1;
  await change(() =>
    writeFileSync(
      path("model/model-1.safetensors"),
      large.map((byte, i) => (i === last ? 8 : byte)),
    ),
  );
  await change(() =>
    writeFileSync(
      path("model/model-1.safetensors"),
      large.map((_, i) => (i % 5000 === 0 ? 8 : 7)),
    ),
  );
  await change(() => renameSync(path("model/model-2.safetensors"), path("model/model-3.safetensors")));
  expect(seen.size).toBe(7);
});

test("a folder without weights, and none", async () => {
  mkdirSync(path("empty"));
  await expect(fingerprint(path("empty"))).rejects.toThrow(/no weights/);
  await expect(fingerprint(path("nowhere"))).rejects.toThrow(/no such file or folder/);
});
