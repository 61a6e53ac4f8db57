/** From the hub to a description, each command on what the one before left: pull, inspect, caption, as programs; pull,
 *  convert, inspect, caption, in this process, which is faster. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { type FakeHub, startFakeHub } from "../../hub/testing/fake-hub.js";
import { loadModel } from "../../inference/vision-language-model.js";
import { type Finished, jsonLines, rediff, rediffHere } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();
const photo = fixturePath("color.jpg");

const filesOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

/** The hub and an empty cache. */
const environment = (hub: FakeHub) => ({
  HF_ENDPOINT: hub.endpoint,
  HF_HUB_CACHE: at("hub"),
  HF_HOME: at("home"),
  HF_TOKEN: "",
});

/** What a command printed, which must have succeeded. */
function outputOf({ status, stdout, stderr }: Finished): string {
  expect(status, stderr).toBe(0);
  return stdout;
}

test("a LLaDA-V from the hub describes a picture", async () => {
  const source = writeTinyModel(at("llada-v"), { maxShardBytes: 200_000 });
  const hub = await startFakeHub({ id: "org/llada-v", files: filesOf(source) });
  try {
    const env = environment(hub);
    const run = async (...args: string[]) => outputOf(await rediff(args, { cwd: root, env }));
    const folder = (await run("pull", "org/llada-v")).trimEnd();
    const [inspected] = jsonLines(await run("inspect", "org/llada-v", "--json"));
    expect(inspected).toMatchObject({ kind: "llada-v", complete: true, folder });
    const [described] = jsonLines(await run("caption", photo, "--model", "org/llada-v", "--gen-length", "8", "--json"));
    using model = await loadModel(source);
    const { tokenIds } = await model.describe(photo, { genLength: 8 });
    expect(described).toMatchObject({ token_ids: tokenIds });
  } finally {
    await hub.close();
  }
});

test("a LLaDA from the hub becomes a LLaDA-V that can be used", async () => {
  const source = writeTinyModel(at("llada"), { textOnly: true, naming: "original", maxPositions: 2048 });
  writeTinySiglip(at("siglip"));
  const hub = await startFakeHub({ id: "org/llada", files: filesOf(source) });
  try {
    for (const [name, value] of Object.entries(environment(hub))) vi.stubEnv(name, value);
    const run = async (...args: string[]) => outputOf(await rediffHere(...args));
    const [renamed, start] = [at("renamed"), at("start")];
    await run("pull", "org/llada");
    expect(await run("convert", "org/llada", renamed)).toBe(`${renamed}\n`);
    expect(jsonLines(await run("inspect", renamed, "--json"))).toMatchObject([{ kind: "llada", complete: true }]);
    const assembled = await run("convert", renamed, start, "--vision", at("siglip"), "--grid-tiles", "2", "--json");
    expect(jsonLines(assembled)).toMatchObject([{ output: start }]);
    expect(jsonLines(await run("inspect", start, "--json"))).toMatchObject([{ kind: "llada-v", complete: true }]);
    const [described] = jsonLines(await run("caption", photo, "--model", start, "--gen-length", "8", "--json"));
    expect(described?.token_ids).toHaveLength(8);
  } finally {
    vi.unstubAllEnvs();
    await hub.close();
  }
});
