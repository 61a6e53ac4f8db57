import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { fingerprint } from "./fingerprint.js";

const { at } = folderOfFile();

beforeEach(() => {
  rmSync(at("model"), { recursive: true, force: true });
  mkdirSync(at("model"));
  writeFileSync(at("model/model-1.safetensors"), Buffer.alloc(3_000_000, 7));
  writeFileSync(at("model/model-2.safetensors"), "small");
  writeFileSync(at("model/config.json"), "{}");
});

test("the same weights in another folder are the same", async () => {
  const before = await fingerprint(at("model"));
  expect(before).toMatch(/^sha256:[0-9a-f]{16}$/);
  cpSync(at("model"), at("copy"), { recursive: true });
  writeFileSync(at("copy/training.json"), "1");
  expect(await fingerprint(at("copy"))).toBe(before);
});

test("any change of size, name, small files, beginning or end, and a change all over a large file", async () => {
  const seen = new Set([await fingerprint(at("model"))]);
  const large = readFileSync(at("model/model-1.safetensors"));
  const change = async (apply: () => void) => {
    apply();
    seen.add(await fingerprint(at("model")));
  };
  await change(() => writeFileSync(at("model/model-2.safetensors"), "smalL"));
  await change(() => writeFileSync(at("model/model-1.safetensors"), large.subarray(1)));
  await change(() =>
    writeFileSync(
      at("model/model-1.safetensors"),
      large.map((byte, i) => (i === 0 ? 8 : byte)),
    ),
  );
  const last = large.length - 1;
  await change(() =>
    writeFileSync(
      at("model/model-1.safetensors"),
      large.map((byte, i) => (i === last ? 8 : byte)),
    ),
  );
  await change(() =>
    writeFileSync(
      at("model/model-1.safetensors"),
      large.map((_, i) => (i % 5000 === 0 ? 8 : 7)),
    ),
  );
  await change(() => renameSync(at("model/model-2.safetensors"), at("model/model-3.safetensors")));
  expect(seen.size).toBe(7);
});

test("a folder without weights, and none", async () => {
  mkdirSync(at("empty"));
  await expect(fingerprint(at("empty"))).rejects.toThrow(/no weights/);
  await expect(fingerprint(at("nowhere"))).rejects.toThrow(/no such file or folder/);
});
