/** What the hub, the disk or the address refuse: one line each. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findCached } from "./hub-cache.js";
import type { HubSettings } from "./hub-settings.js";
import { pull } from "./pull.js";
import type { FakeHub } from "./testing/fake-hub.js";
import { ID, settingsFor, treeOf } from "./testing/hub-setup.js";
import { expectSoundBlobs, failureOf, scene } from "./testing/pull-scene.js";

/** A tree of files under names of configurations. */
const listOf = (count: number, size = 1) =>
  `[${Array.from({ length: count }, (_, i) => `{"type":"file","path":"${i}.json","size":${size},"oid":"${"a".repeat(40)}"}`).join()}]`;

describe("a refusal", () => {
  const cases: [string, FakeHub["misbehave"], RegExp, Partial<HubSettings>?][] = [
    [
      "an unknown model",
      ({ kind }) => (kind === "revision" ? { status: 404 } : undefined),
      /has no model org\/tiny.*spelling/,
    ],
    [
      "an unknown or private model, as the hub words it",
      ({ kind }) => (kind === "revision" ? { status: 401, headers: { "x-error-code": "RepoNotFound" } } : undefined),
      /without a token \(HTTP 401\).*set HF_TOKEN/,
    ],
    [
      "a bad token",
      ({ kind }) => (kind === "revision" ? { status: 401 } : undefined),
      /with this token \(HTTP 401\).*HF_TOKEN is valid/,
      { token: "hf_secret" },
    ],
    [
      "a gated model without a token",
      ({ kind }) => (kind === "resolve" ? { status: 401, headers: { "x-error-code": "GatedRepo" } } : undefined),
      /is gated.*Accept it at http:.*org\/tiny, then set HF_TOKEN/,
    ],
    [
      "a gated model whose licence was not accepted",
      ({ kind }) => (kind === "resolve" ? { status: 403, headers: { "x-error-code": "GatedRepo" } } : undefined),
      /is gated.*with the account of your token/,
      { token: "hf_secret" },
    ],
    [
      "a file that is gone",
      ({ path }) =>
        path === "tokenizer.json" ? { status: 404, headers: { "x-error-code": "EntryNotFound" } } : undefined,
      /has no file tokenizer\.json/,
    ],
    ["a reply that is not JSON", ({ kind }) => ({ ...(kind === "revision" && { body: "<html>" }) }), /not JSON.*proxy/],
    [
      "a reply of another form",
      ({ kind }) => ({ ...(kind === "revision" && { body: '{"sha":"../../etc"}' }) }),
      /unknown form \(sha: expected a commit/,
    ],
    [
      "a reply of a million brackets",
      ({ kind }) => ({ ...(kind === "revision" && { body: "[".repeat(1_000_000) }) }),
      /not JSON/,
    ],
    [
      "a hundred thousand files and one",
      ({ kind }) => ({ ...(kind === "tree" && { body: listOf(100_001) }) }),
      /lists more than 100000 files of org\/tiny/,
    ],
    [
      "a file larger than any disk",
      ({ kind }) => ({ ...(kind === "tree" && { body: listOf(1, 2 ** 53 - 1) }) }),
      /not enough room .* 9007\d+\.\d .* to download|not enough room/,
    ],
    [
      "a size beyond what is counted",
      ({ kind }) => ({ ...(kind === "tree" && { body: listOf(1, 1e18) }) }),
      /unknown form \(0\.size/,
    ],
    [
      "a file name that leaves the folder",
      ({ kind }) =>
        kind === "tree"
          ? { body: JSON.stringify([{ type: "file", path: "../../x.json", size: 1, oid: "a".repeat(40) }]) }
          : undefined,
      /would leave the model's folder/,
    ],
    [
      "a checksum that is a path",
      ({ kind }) =>
        kind === "tree"
          ? { body: JSON.stringify([{ type: "file", path: "x.json", size: 1, oid: "../../x" }]) }
          : undefined,
      /no usable size and checksum/,
    ],
    [
      "a model larger than the disk",
      ({ kind }) =>
        kind === "tree"
          ? { body: JSON.stringify([{ type: "file", path: "x.json", size: 9e15, oid: "a".repeat(40) }]) }
          : undefined,
      /not enough room.*9\.0 PB to download/,
    ],
    ["a server in trouble", () => ({ status: 503 }), /HTTP 503, trouble at the server/],
    ["redirects in circles", () => ({ status: 302, headers: { location: "/x/y" } }), /redirects in circles|no model/],
  ];

  test.each(cases)("%s", async (_name, misbehave, line, settings) => {
    const { run, hub, repo, cacheDir } = await scene();
    hub.misbehave = misbehave;
    const error = await failureOf(run({}, settings));
    expect(error.line).toMatch(line);
    expect(error.line).not.toContain("hf_secret");
    await expectSoundBlobs(repo);
    expect(await findCached(ID, "main", cacheDir)).toBeUndefined();
    expect((await treeOf(cacheDir)).filter((path) => path.endsWith(".lock") || path.endsWith(".tmp"))).toEqual([]);
  });

  test("an unknown revision", async () => {
    const { run } = await scene();
    expect((await failureOf(run({ revision: "v9" }))).line).toMatch(/org\/tiny has no revision "v9"/);
  });

  test("too many requests: waits as long as the server asks, then goes on", async () => {
    const { run, hub, events } = await scene();
    hub.misbehave = ({ kind, nth }) =>
      kind === "revision" && nth === 1 ? { status: 429, headers: { "retry-after": "1" } } : undefined;
    const started = performance.now();
    await run();
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(events.find((event) => event.type === "retry")).toMatchObject({ retry: { waitMs: 1000 } });
  });

  test("a hub that redirects in circles", async () => {
    const { run, hub } = await scene();
    hub.misbehave = ({ kind, url }) => (kind === "revision" ? { status: 302, headers: { location: url } } : undefined);
    expect((await failureOf(run())).line).toMatch(/redirects in circles\. Check HF_ENDPOINT/);
    expect(hub.requests.length).toBeLessThan(20);
  });

  test("too many requests for longer than anyone waits", async () => {
    const { run, hub } = await scene();
    hub.misbehave = ({ kind }) => (kind === "cdn" ? { status: 429, headers: { "retry-after": "3600" } } : undefined);
    expect((await failureOf(run())).line).toMatch(/HTTP 429.*asks to wait 3600 s.*are kept/);
  });

  test("a server in trouble only for a moment goes unnoticed", async () => {
    const { run, hub } = await scene();
    hub.misbehave = ({ nth }) => (nth === 1 ? { status: 502 } : undefined);
    await run();
  });

  test.each(["a/b/c", "../x", ""])("%j is no model id, and nobody is asked", async (id) => {
    const { hub, cacheDir } = await scene();
    const error = await failureOf(pull(id, { settings: settingsFor(hub, cacheDir) }));
    expect(error.line).toMatch(/is not a model id/);
    expect(hub.requests).toEqual([]);
  });

  test("a cache that is a file", async () => {
    const { run, cacheDir } = await scene();
    const file = join(cacheDir, "file");
    await writeFile(file, "");
    expect((await failureOf(run({ cacheDir: file }))).line).toMatch(/is not usable.*cacheDir/);
  });
});
