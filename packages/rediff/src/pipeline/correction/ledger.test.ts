import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { folderOfTest } from "../../testing/folders.js";
import type { DraftRecord } from "../drafts/draft-record.js";
import { Budget, BudgetSpent } from "../expert/budget.js";
import { draftKey, Ledger, type LedgerLine } from "./ledger.js";
import { linesOf } from "./testing/drafts.js";

const line = (n: number): LedgerLine => ({
  key: n.toString(16).padStart(64, "0"),
  img: "a.jpg",
  ques: "",
  pred: `d${n}`,
  revise: n % 2 === 0 ? "right" : "no idea",
  expert: {
    model: "m",
    answered_by: null,
    host: "h",
    prompt_sha256: "",
    time: "",
    request_id: null,
    finish_reason: "stop",
    usage: null,
    seconds: 1,
  },
});

test("what is appended at the same time is whole, and known when it is opened again", async () => {
  const path = join(folderOfTest(), "ledger.jsonl");
  const ledger = await Ledger.open(path, () => expect.unreachable());
  const kinds = await Promise.all(
    Array.from({ length: 300 }, async (_, n) => {
      const kind = await ledger.append(line(n));
      expect(readFileSync(path, "utf8")).toContain(`"d${n}"`); // on the disk before it counts
      return kind;
    }),
  );
  expect(kinds.slice(0, 2)).toEqual(["right", "not_json"]);
  await ledger.close();
  expect(linesOf(path)).toHaveLength(300);
  let seen = 0;
  const again = await Ledger.open(path, () => seen++);
  expect([seen, again.kindOf(line(7).key), again.kindOf(line(300).key)]).toEqual([300, "not_json", undefined]);
  await again.close();
});

test.skipIf(!existsSync("/dev/full"))(
  "a full disk: the line does not count, and nothing is written behind it",
  async () => {
    const ledger = await Ledger.open("/dev/full", () => undefined);
    const failed = await Promise.allSettled([ledger.append(line(1)), ledger.append(line(2))]);
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(ledger.append(line(3))).rejects.toThrow(/no space left on the disk/);
    expect(ledger.kindOf(line(1).key)).toBeUndefined();
    await ledger.close();
  },
);

test("a draft is known by picture, question, text, prompt and expert; not by its name or the reference answer", () => {
  const draft: DraftRecord = { id: 1, img: "a.jpg", ques: "<image>\nWhat?", ans: "A.", pred: "B." };
  const key = (change: Partial<DraftRecord> = {}, picture = "p", prompt = "q", model = "m") =>
    draftKey({ ...draft, ...change }, { picture, prompt }, model);
  const others = [key({ ques: "Who?" }), key({ pred: "C." }), key({}, "x"), key({}, "p", "x"), key({}, "p", "q", "x")];
  expect(new Set([key(), ...others]).size).toBe(6);
  for (const same of [key({ id: 2, img: "b.jpg" }), key({ ans: "Z." }), key({ ques: "What?" })])
    expect(same).toBe(key());
});

test("a budget: what is spent and held never exceeds it, and nobody waits for ever", async () => {
  const request = fc.record({
    held: fc.integer({ min: 1, max: 50 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { maxLength: 40 }),
      fc.integer({ min: 0, max: 300 }),
      async (requests, limit) => {
        const budget = new Budget(limit, 0, new AbortController().signal);
        let [spent, held] = [0, 0];
        const queue = requests.values();
        const work = async () => {
          for (const request of queue) {
            const isRefused = await budget.hold(request.held).catch((error: unknown) => error instanceof BudgetSpent);
            if (isRefused) {
              expect(held).toBe(0);
              expect(spent + request.held).toBeGreaterThan(limit);
              return;
            }
            held += request.held;
            expect(spent + held).toBeLessThanOrEqual(limit);
            await Promise.resolve();
            const cost = Math.floor(request.held * request.share);
            held -= request.held;
            spent += cost;
            budget.settle(request.held, cost);
          }
        };
        await Promise.all([work(), work(), work()]);
      },
    ),
    { numRuns: 50 },
  );
});
