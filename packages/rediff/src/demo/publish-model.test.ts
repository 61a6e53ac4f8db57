import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint, scope } from "@rediff/torch";
import { expect } from "vitest";
import { loadConfig } from "../checkpoint/config.js";
import { test } from "../testing/fixtures.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { weightsKey } from "./asked/caption-grid.js";
import { publishModel } from "./publish-model.js";

test("a published model has every tensor in bfloat16, its tokenizer, and says so", async ({ folder }) => {
  const [from, to] = [writeTinyModel(join(folder, "from")), join(folder, "to")];
  await publishModel([from], to);

  using before = openCheckpoint(from);
  using after = openCheckpoint(to);
  expect([...after.names()].sort()).toEqual([...before.names()].sort());
  for (const name of before.names()) {
    expect(after.info(name)).toMatchObject({ dtype: "bfloat16", shape: before.info(name).shape });
    scope(() => {
      const rounded = before.get(name).to({ dtype: "bfloat16" });
      expect(after.get(name).to({ dtype: "float32" }).data("float32")).toEqual(
        rounded.to({ dtype: "float32" }).data("float32"),
      );
    });
  }
  expect((await loadConfig(to)).raw).toEqual({ ...(await loadConfig(from)).raw, torch_dtype: "bfloat16" });
  const tokenizer = (of: string) => readFileSync(join(of, "tokenizer.json"), "utf8");
  expect(tokenizer(to)).toBe(tokenizer(from));
  const bytes = (of: string) => statSync(join(of, "model.safetensors")).size;
  expect(bytes(to)).toBeLessThan(0.7 * bytes(from));
  expect(weightsKey(to)).not.toBe(weightsKey(from));
});

test("of several models the weights are averaged; others are refused", async ({ folder }) => {
  const [one, other] = [1, 2].map((seed) => writeTinyModel(join(folder, `${seed}`), { seed })) as [string, string];
  const to = join(folder, "to");
  await publishModel([one, other], to);
  using a = openCheckpoint(one);
  using b = openCheckpoint(other);
  using mean = openCheckpoint(to);
  scope(() => {
    const name = [...mean.names()].find((found) => found.includes("q_proj")) as string;
    const wanted = a.get(name).add(b.get(name)).mul(0.5).to({ dtype: "bfloat16" }).to({ dtype: "float32" });
    expect(mean.get(name).to({ dtype: "float32" }).data("float32")).toEqual(wanted.data("float32"));
  });
  const larger = writeTinyModel(join(folder, "larger"), { layers: 3 });
  await expect(publishModel([one, larger], join(folder, "no"))).rejects.toThrow("other tensors");
});
