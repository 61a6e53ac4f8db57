/** An adapter's folder where a command takes a model. */
import { copyFileSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, rediffHere, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writePeftAdapter } from "../../testing/peft-adapter.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at } = folderOfFile();
const picture = fixturePath("color.jpg");

beforeAll(() => {
  writeTinyModel(at("base"), { maxShardBytes: 200_000 });
  const modules = Object.fromEntries(
    [0, 1].map((layer) => [`model.layers.${layer}.mlp.down_proj`, [64, 128] as [number, number]]),
  );
  writePeftAdapter(at("adapter"), { base: "../base", modules, alpha: 40 });
  writePeftAdapter(at("lost"), { base: "/nowhere", modules, alpha: 40 });
});

const caption = async (...model: string[]): Promise<unknown> => {
  const { stdout, status, stderr } = await rediffHere("caption", picture, "--gen-length", "12", "--json", ...model);
  expect(status, stderr).toBe(0);
  return jsonLines(stdout)[0]?.token_ids;
};

test("caption: the base's own answer, the adapter's, and that of the merged model", async () => {
  const [plain, adapted] = [await caption("--model", at("base")), await caption("--model", at("adapter"))];
  expect(adapted).not.toEqual(plain);
  expect(await caption("--model", at("lost"), "--base", at("base"))).toEqual(adapted);
  const { status, stdout, stderr } = await rediffHere(
    "convert",
    "--merge",
    at("lost"),
    at("merged"),
    "--base",
    at("base"),
  );
  expect([status, stdout]).toEqual([0, `${at("merged")}\n`]);
  expect(stderr).toMatch(/lost merged into .*base/);
  expect(await caption("--model", at("merged"))).toEqual(adapted);
});

test("--output says of which weights results are: the base's fingerprint is another", async () => {
  const run = (...model: string[]) =>
    rediffHere("caption", picture, "--gen-length", "4", "--output", at("captions.jsonl"), ...model);
  expect((await run("--model", at("adapter"))).status).toBe(0);
  expect((await run("--model", at("lost"), "--base", at("base"))).stderr).toMatch(/1 of 1 are in .* already/);
  const other = await run("--model", at("base"));
  expect(other.status).not.toBe(0);
  expect(other.stderr).toMatch(/was made with a model of "sha256:/);
});

test("inspect, and what it says when the base is not there", async () => {
  const { stdout, status } = await rediffHere("inspect", at("adapter"));
  expect(status).toBe(0);
  expect(stdout).toMatch(/^corrects +down_proj \(2\)$/m);
  const lost = await rediffHere("inspect", at("lost"));
  expect(lost.status).toBe(1);
  expect(lost.stdout).toMatch(/PROBLEMS +.*lost is an adapter of \/nowhere, and there is no such folder here/);
  expect((await rediffHere("inspect", at("lost"), "--base", at("base"))).status).toBe(0);
});

test("serve answers with it", async () => {
  const { child, done } = await startRediff([
    ...["serve", "--model", at("lost"), "--base", at("base"), "--also", `plain=${at("base")}`],
    ...["--port", "0", "--threads", "1"],
  ]);
  const url = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())));
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(["lost", "plain"]);
  const body = JSON.stringify({ model: "plain", messages: [{ role: "user", content: "a" }], max_tokens: 4 });
  const headers = { "content-type": "application/json" };
  expect((await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })).status).toBe(200);
  child.kill("SIGTERM");
  expect((await done).status).toBe(0);
});

describe("a single file beside shards", () => {
  test("is told of in a line on stderr, and does not change the answer", async () => {
    const before = await caption("--model", at("base"));
    const [shard = ""] = readdirSync(at("base")).filter((name) => name.startsWith("model-00001"));
    copyFileSync(at("base", shard), at("base", "model.safetensors"));
    const { stdout, stderr } = await rediffHere(
      "caption",
      picture,
      "--gen-length",
      "12",
      "--json",
      "--model",
      at("base"),
    );
    expect(stderr).toBe("rediff: not read: model.safetensors (model.safetensors.index.json names what is)\n");
    expect(jsonLines(stdout)[0]?.token_ids).toEqual(before);
  });
});
