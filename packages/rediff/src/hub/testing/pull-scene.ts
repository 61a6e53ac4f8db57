import { join } from "node:path";
import { expect } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfTest } from "../../testing/folders.js";
import type { HubSettings } from "../hub-settings.js";
import { type PullEvent, type PullOptions, pull } from "../pull.js";
import { COMMIT, etagOf, type FakeHub, type FakeModel, type Misbehaviour } from "./fake-hub.js";
import { contentOf, fakeHub, ID, modelFiles, QUICK_RETRY, SHARD, settingsFor, treeOf } from "./hub-setup.js";

export interface Scene {
  hub: FakeHub;
  cacheDir: string;
  repo: string;
  folder: string;
  events: PullEvent[];
  run: (options?: PullOptions, settings?: Partial<HubSettings>) => ReturnType<typeof pull>;
  notices: () => string[];
  retries: () => string[];
}

export async function scene(model: Partial<FakeModel> = {}): Promise<Scene> {
  const hub = await fakeHub(model);
  const cacheDir = folderOfTest();
  const repo = join(cacheDir, "models--org--tiny");
  const events: PullEvent[] = [];
  return {
    hub,
    cacheDir,
    repo,
    folder: join(repo, "snapshots", COMMIT),
    events,
    run: (options, settings) =>
      pull(ID, {
        settings: settingsFor(hub, cacheDir, settings),
        retry: QUICK_RETRY,
        onEvent: (event) => events.push(event),
        ...options,
      }),
    notices: () => events.flatMap((event) => (event.type === "notice" ? [event.message] : [])),
    retries: () => events.flatMap((event) => (event.type === "retry" ? [event.retry.reason] : [])),
  };
}

/** Misbehaves on the way of one large file's bytes. */
export function onShard(
  act: (nth: number, range: string | undefined) => Misbehaviour | undefined,
): FakeHub["misbehave"] {
  return ({ kind, path, nth, range }) => (kind === "cdn" && path === SHARD ? act(nth, range) : undefined);
}

export async function failureOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const user = error as UserError;
  expect(user.line).not.toContain("\n");
  expect(user.hint).toBeTruthy();
  return user;
}

export async function expectFile(folder: string, path: string) {
  expect(modelFiles()[path]?.equals(await contentOf(folder, path)), path).toBe(true);
}

/** Nothing half-written under a final name: every blob's name is the checksum of its bytes. */
export async function expectSoundBlobs(repo: string) {
  for (const name of await treeOf(join(repo, "blobs")).catch(() => [])) {
    if (name.endsWith(".incomplete")) continue;
    const bytes = await contentOf(join(repo, "blobs"), name);
    expect(etagOf(bytes, name.length === 64)).toBe(name);
  }
}
