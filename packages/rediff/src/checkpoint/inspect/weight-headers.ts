/** What the weight files of a folder hold, by their headers alone, and as much of it as can be read when some are
 *  missing or damaged. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { openCheckpoint, readSafetensorsHeader, SafetensorsError, type TensorInfo } from "@rediff/torch";
import { mistakenWeights } from "../mistaken-weights.js";
import type { Checkpoint } from "../weights.js";

export interface Headers {
  /** Readable tensors of all files. Nothing can be got from it when `problems` is not empty. */
  checkpoint: Checkpoint;
  files: { name: string; bytes: number }[];
  problems: string[];
}

export function readHeaders(folder: string): Headers {
  try {
    const checkpoint = openCheckpoint(folder);
    return { checkpoint, files: checkpoint.files.map(sizeOf), problems: [] };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    const paths = existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(".safetensors"))
          .map((name) => join(folder, name))
      : [];
    const { checkpoint, problems } = readEach(folder, paths);
    const indices = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.endsWith(".index.json"));
    const mistaken = indices.flatMap((name) => mistakenWeights(join(folder, name))?.message ?? []);
    // A damaged file was the reason for both: its own words are enough.
    const isTold = problems.includes(error.message) || mistakenWeights(folder) !== undefined;
    const all = [...(isTold ? [] : [error.message]), ...mistaken, ...problems];
    return { checkpoint, files: paths.map(sizeOf), problems: all };
  }
}

function sizeOf(path: string): { name: string; bytes: number } {
  return { name: basename(path), bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 };
}

function readEach(folder: string, paths: readonly string[]): { checkpoint: Checkpoint; problems: string[] } {
  const found = new Map<string, TensorInfo & { file: string }>();
  const problems: string[] = [];
  for (const file of paths) {
    try {
      for (const [name, info] of readSafetensorsHeader(file).tensors) found.set(name, { ...info, file });
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw error;
      problems.push(mistakenWeights(file)?.message ?? error.message);
    }
  }
  const info = (name: string) => {
    const entry = found.get(name);
    if (entry === undefined) throw new SafetensorsError(`${folder}: has no tensor "${name}"`);
    return entry;
  };
  const unreadable = (name: string) => {
    throw new SafetensorsError(`${folder}: "${name}" is not read from a folder that is broken`);
  };
  let totalBytes = 0;
  for (const { begin, end } of found.values()) totalBytes += end - begin;
  const checkpoint: Checkpoint = {
    names: () => [...found.keys()],
    has: (name) => found.has(name),
    info,
    get: unreadable,
    read: unreadable,
    metadata: {},
    files: paths,
    index: undefined,
    unread: [],
    totalBytes,
    [Symbol.dispose]: () => undefined,
  };
  return { checkpoint, problems };
}
