/** What the tests of the hub share: a hub, settings without the machine's environment, bytes to send. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { RetryPolicy } from "../../network/backoff.js";
import type { HubSettings } from "../hub-settings.js";
import { type FakeHub, type FakeModel, startFakeHub } from "./fake-hub.js";

export const ID = "org/tiny";

export const QUICK_RETRY: RetryPolicy = { tries: 4, firstWaitMs: 2, longestWaitMs: 5_000 };

export async function fakeHub(model: Partial<FakeModel> = {}): Promise<FakeHub> {
  const hub = await startFakeHub({ id: ID, files: modelFiles(), ...model });
  onTestFinished(() => hub.close());
  return hub;
}

export function settingsFor(hub: FakeHub, cacheDir: string, changes: Partial<HubSettings> = {}): HubSettings {
  const token = undefined;
  return { endpoint: hub.endpoint, cacheDir, token, offline: false, timeoutMs: 2_000, symlinks: true, ...changes };
}

/** Bytes that are the same in every run and nowhere repeat. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

/** A model of two shards; the pickle and the code are not to be pulled. */
export function modelFiles(shardBytes = 300_000): Record<string, Buffer> {
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
  const index = { metadata: {}, weight_map: { "a.weight": shards[0], "b.weight": shards[1] } };
  return {
    "config.json": Buffer.from('{"model_type":"llava_llada"}\n'),
    "model.safetensors.index.json": Buffer.from(JSON.stringify(index)),
    [shards[0]]: noise(shardBytes, 11),
    [shards[1]]: noise(shardBytes, 12),
    "tokenizer.json": Buffer.from('{"version":"1.0"}'),
    "empty.txt": Buffer.alloc(0),
    "README.md": Buffer.from("# tiny\n"),
    "extra/config.json": Buffer.from('{"model_type":"llava_llada"}\n'),
    "pytorch_model.bin": noise(100, 13),
    "modeling.py": Buffer.from("raise SystemExit\n"),
  };
}

export const SHARD = "model-00001-of-00002.safetensors";

/** All paths below `folder`, sorted; with contents of regular files on demand. */
export async function treeOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((e) => !e.isDirectory()).map((e) => join(e.parentPath, e.name).slice(folder.length + 1));
  return files.sort();
}

export async function contentOf(folder: string, path: string): Promise<Buffer> {
  return readFile(join(folder, path));
}
