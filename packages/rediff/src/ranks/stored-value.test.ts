import { expect, test } from "vitest";
import { z } from "zod";
import { onRanks, valuesOnRanks } from "../testing/ranks-here.js";
import { agreed } from "./ranks.js";
import { storedValue } from "./stored-value.js";

const schema = z.object({ step: z.int() });

test("what was written is read as what it has to be", () => {
  expect(storedValue("key", '{"step":3}', schema)).toEqual({ step: 3 });
});

test.each(["", "hello", "null", '{"step":"3"}', '{"step":3', "[]"])("%j is told with its key and a remedy", (text) => {
  expect(() => storedValue("rediff/key", text, schema)).toThrow(
    `what another process says under rediff/key cannot be read: ${text}`,
  );
});

test("what rank 0 decides reaches all, nothing included", async () => {
  const decided = await valuesOnRanks(2, async (ranks) => [
    await agreed(ranks, schema.optional(), () => (ranks.rank === 0 ? { step: 7 } : undefined)),
    await agreed(ranks, schema.optional(), () => undefined),
  ]);
  expect(decided).toEqual([
    [{ step: 7 }, undefined],
    [{ step: 7 }, undefined],
  ]);
});

test("a rank of another version is told as that", async () => {
  const [, other] = await onRanks(2, async (ranks) => {
    const own: z.ZodType<unknown> = ranks.rank === 0 ? z.unknown() : schema;
    return await agreed(ranks, own, () => ({ steps: 7 }));
  });
  expect(other).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("rediff/agreed/1") } });
});
