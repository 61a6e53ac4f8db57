import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { folderOfTest } from "../testing/folders.js";
import { pull } from "./pull.js";
import { resolveModel } from "./resolve-model.js";
import { fakeHub, ID, QUICK_RETRY, SHARD, settingsFor } from "./testing/hub-setup.js";

async function pulledModel() {
  const hub = await fakeHub();
  const settings = settingsFor(hub, folderOfTest());
  const options = { settings, retry: QUICK_RETRY };
  return { hub, options, folder: (await pull(ID, options)).folder };
}

test("a folder is used as it is", async ({ folder }) => {
  expect(await resolveModel(folder)).toBe(folder);
});

test("an id stands for its snapshot, and nobody is asked", async () => {
  const { hub, options, folder } = await pulledModel();
  await hub.close();
  expect(await resolveModel(ID, options)).toBe(folder);
});

test("what is not complete is named, with the command that mends it", async () => {
  const { options, folder } = await pulledModel();
  await rm(join(folder, SHARD));
  const hint = `Get the rest with: rediff pull ${ID}`;
  await expect(resolveModel(ID, options)).rejects.toMatchObject({ message: expect.stringContaining(SHARD), hint });
  expect(await resolveModel(ID, { ...options, download: true })).toBe(folder);
});

test("what is not there is never downloaded by itself", async ({ folder: cacheDir }) => {
  const hub = await fakeHub();
  const options = { settings: settingsFor(hub, cacheDir), retry: QUICK_RETRY };
  const asked = resolveModel(ID, { ...options, revision: "v1" });
  await expect(asked).rejects.toMatchObject({ hint: expect.stringContaining(`rediff pull ${ID} --revision v1`) });
  expect(hub.requests).toEqual([]);
});

test("a file and a wrong path are told apart from an id", async () => {
  const file = join(folderOfTest(), "config.json");
  await writeFile(file, "{}");
  await expect(resolveModel(file)).rejects.toThrow(/is a file, expected a model folder/);
  await expect(resolveModel("./no/such/folder")).rejects.toThrow(/there is no folder/);
});
