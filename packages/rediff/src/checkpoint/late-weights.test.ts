/** Weights that are read when they are divided: the same ones, and never all at once. */
import { memory, scope, type Tensor } from "@rediff/torch";
import { expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { valuesOnRanks } from "../testing/ranks-here.js";
import { namedTensors, trainable } from "../training/backward/parameters.js";
import { fullExchange } from "../training/sharding/full-exchange.js";
import { LateWeights } from "./late-weights.js";
import { loadModelFolder, readModel } from "./load-model.js";

const numbers = (tensor: Tensor): number[] => scope(() => tensor.to({ dtype: "float32" }).toNumbers());

test("a tensor is NaN until it is read, in its shape, and then what the file has; once", async ({ tinyModel }) => {
  const atStart = memory();
  for (const dtype of ["float32", "bfloat16"] as const) {
    using whole = await loadModelFolder(tinyModel, { dtype });
    using late = new LateWeights();
    using model = await readModel(tinyModel, { dtype }, late);
    const [wanted, named] = [namedTensors(whole), namedTensors(model)];
    expect(named.map(({ name, tensor }) => [name, tensor.shape, tensor.dtype])).toEqual(
      wanted.map(({ name, tensor }) => [name, tensor.shape, tensor.dtype]),
    );
    const [first, ...others] = named.map(({ tensor }) => tensor);
    late.fill([first as Tensor]);
    expect(numbers(first as Tensor)).toEqual(numbers(wanted[0]?.tensor as Tensor));
    for (const other of others) expect(numbers(other).every(Number.isNaN)).toBe(true);
    first?.fill_(3);
    late.fill(named.map(({ tensor }) => tensor));
    expect(numbers(first as Tensor).every((value) => value === 3)).toBe(true);
    for (const [i, other] of others.entries()) expect(numbers(other)).toEqual(numbers(wanted[i + 1]?.tensor as Tensor));
  }
  expect(memory()).toEqual(atStart);
});

test("a process that keeps a piece of each weight never holds more than its pieces and one unit", async ({
  tinyModel,
}) => {
  const dtype = "bfloat16"; // not the file's: what is mapped would not be counted
  let largest = 0;
  const measured = await valuesOnRanks(2, async (ranks) => {
    using late = new LateWeights();
    using model = await readModel(tinyModel, { dtype }, late);
    const named = namedTensors(model);
    const bytes = named.reduce((sum, { tensor }) => sum + 2 * tensor.numel, 0);
    const before = memory().bytes;
    let most = 0;
    const fill = late.fill.bind(late);
    late.fill = (tensors) => {
      const asked = [...tensors];
      fill(asked);
      largest = Math.max(
        largest,
        asked.reduce((sum, { numel }) => sum + 2 * numel, 0),
      );
      most = Math.max(most, memory().bytes - before);
    };
    using parts = trainable(model, ["mm_language_model"]);
    using exchange = fullExchange(parts, ranks.group, "blocks", late);
    // Nothing is left to be read.
    for (const { tensor } of named) expect(numbers(tensor).every(Number.isNaN)).toBe(true);
    expect(exchange.own.length).toBeGreaterThan(10);
    await ranks.group.barrier().wait();
    return { most, bytes };
  });
  for (const { most, bytes } of measured) {
    expect(most).toBeGreaterThan(largest);
    expect(most).toBeLessThan(bytes / 2 + largest + bytes / 10);
    expect(bytes / 2 + largest + bytes / 10).toBeLessThan(bytes);
  }
});
