import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { cacheDirectory, hubSettings } from "./hub-settings.js";

test("the cache folder follows huggingface_hub's order of variables", () => {
  const HOME = "/h";
  expect(cacheDirectory({ HOME })).toBe("/h/.cache/huggingface/hub");
  expect(cacheDirectory({ HOME, XDG_CACHE_HOME: "/x" })).toBe("/x/huggingface/hub");
  expect(cacheDirectory({ HOME, XDG_CACHE_HOME: "/x", HF_HOME: "~/hf" })).toBe("/h/hf/hub");
  expect(cacheDirectory({ HOME, HF_HOME: "/y", HUGGINGFACE_HUB_CACHE: "/old" })).toBe("/old");
  expect(cacheDirectory({ HOME, HF_HOME: "/y", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "$HOME/c" })).toBe("/h/c");
  expect(cacheDirectory({ HOME, HF_HUB_CACHE: "" })).toBe("/h/.cache/huggingface/hub");
});

test("the token: variable before file, trimmed, absent when offline or unwanted", async ({ folder: HF_HOME }) => {
  expect(hubSettings({ HF_HOME }).token).toBeUndefined();
  await writeFile(join(HF_HOME, "token"), "hf_file\n");
  expect(hubSettings({ HF_HOME }).token).toBe("hf_file");
  expect(hubSettings({ HF_HOME, HF_TOKEN: " hf_env " }).token).toBe("hf_env");
  expect(hubSettings({ HF_HOME, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }).token).toBeUndefined();
  expect(hubSettings({ HF_HOME, HF_HUB_OFFLINE: "1" }).token).toBeUndefined();
});

test("a token that cannot be one is refused without showing it", () => {
  const read = () => hubSettings({ HF_HOME: "/nowhere", HF_TOKEN: "hf_a\nb" });
  expect(read).toThrow(/token in HF_TOKEN/);
  expect(read).not.toThrow(/hf_a/);
});

test("an unreadable token file is an error, not an anonymous request", async ({ folder: HF_HOME }) => {
  await mkdir(join(HF_HOME, "token"));
  expect(() => hubSettings({ HF_HOME })).toThrow(/cannot read the hub token/);
});

test("endpoint, offline and timeout", () => {
  const HF_HOME = "/nowhere";
  expect(hubSettings({ HF_HOME })).toMatchObject({
    endpoint: "https://huggingface.co",
    offline: false,
    timeoutMs: 10_000,
  });
  expect(hubSettings({ HF_HOME, HF_ENDPOINT: "http://mirror/hf//" }).endpoint).toBe("http://mirror/hf");
  expect(hubSettings({ HF_HOME, HF_HUB_OFFLINE: "yes" }).offline).toBe(true);
  expect(hubSettings({ HF_HOME, HF_HUB_OFFLINE: "0" }).offline).toBe(false);
  expect(hubSettings({ HF_HOME, TRANSFORMERS_OFFLINE: "1" }).offline).toBe(true);
  expect(hubSettings({ HF_HOME, HF_HUB_DOWNLOAD_TIMEOUT: "2.5" }).timeoutMs).toBe(2_500);
  expect(() => hubSettings({ HF_HOME, HF_HUB_DOWNLOAD_TIMEOUT: "soon" })).toThrow(/HF_HUB_DOWNLOAD_TIMEOUT/);
  expect(() => hubSettings({ HF_HOME, HF_ENDPOINT: "ftp://x" })).toThrow(/HF_ENDPOINT/);
});
