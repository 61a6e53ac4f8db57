import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { UserError } from "../errors.js";
import { onSharedWork, withSharedWork } from "../testing/ranks-here.js";
import { countsSchema, type SharedWork } from "./shared-work.js";

const ITEMS = [...Array(30).keys()];

/** The items that fall to a process; each takes it a while. */
async function share(work: SharedWork, ms = 0, most = ITEMS.length): Promise<number[]> {
  const round = work.round("items", 4);
  const ours: number[] = [];
  for (const item of ITEMS) {
    if (ours.length === most) break;
    if (!(await round.isOurs(item))) continue;
    ours.push(item);
    if (ms > 0) await sleep(ms);
  }
  return ours;
}

const sorted = (parts: readonly number[][]): number[] => parts.flat().sort((a, b) => a - b);

test("each item is one process' and no other's, and a slow one gets fewer", async () => {
  const parts = await onSharedWork(3, (work) => share(work, work.rank === 1 ? 60 : 2));
  expect(sorted(parts)).toEqual(ITEMS);
  expect(parts[1]?.length).toBeLessThan(ITEMS.length / 3);
});

test("items that all know to be done are passed over, and pieces are the same for all", async () => {
  const todo = ITEMS.filter((item) => item % 5 !== 0);
  const parts = await onSharedWork(2, async (work) => {
    const round = work.round("items", 4);
    const ours: number[] = [];
    for (const item of todo) if (await round.isOurs(item)) ours.push(item);
    return ours;
  });
  expect(sorted(parts)).toEqual(todo);
});

test("a process that comes back beside the others gets what it had, and what it had counted and not named", async () => {
  await withSharedWork(2, async (join, store) => {
    const first = await share(await join(1), 0, 6);
    expect(first).toEqual([0, 1, 2, 3, 4, 5]); // and 6 and 7 with them
    expect(await store.add("rediff/work/items/taken", 1)).toBe(3); // killed right behind the count
    const [others, again] = [await join(0), await join(1)];
    const parts = await Promise.all([share(others, 2), share(again, 2)]);
    expect(sorted(parts)).toEqual(ITEMS);
    expect(parts[1]).toEqual(expect.arrayContaining([...first, 6, 7]));
  });
});

test("a process that comes back when it had ended gets nothing", async () => {
  await withSharedWork(2, async (join) => {
    const one = await join(1);
    await share(one);
    expect(await one.round("items", 4).end({}, countsSchema)).toBeUndefined();
    expect(await share(await join(1))).toEqual([]);
  });
});

test("rank 0 prepares before any begins, and hears what each has to report", async () => {
  let isPrepared = false;
  const reports = await onSharedWork(3, async (work) => {
    await work.begin(async () => {
      await sleep(30);
      isPrepared = true;
    });
    expect(isPrepared).toBe(true);
    return await work.round("items", 4).end({ failed: work.rank }, countsSchema);
  });
  expect(reports).toEqual([[{ failed: 0 }, { failed: 1 }, { failed: 2 }], undefined, undefined]);
});

test("what another program has written into the store is told as that", async () => {
  await withSharedWork(2, async (join, store) => {
    await store.set("rediff/work/items/ended/1", "hello");
    const end = (await join(0)).round("items", 4).end({}, countsSchema);
    await expect(end).rejects.toThrow(
      "what another process says under rediff/work/items/ended/1 cannot be read: hello",
    );
  });
});

test("who keeps the store is named when it does not answer any longer", async () => {
  await withSharedWork(2, async (join, store) => {
    const round = (await join(1)).round("items", 4);
    expect(await round.isOurs(0)).toBe(true);
    await store.close();
    const error = await round.isOurs(4).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).line).toMatch(/^rank 0 of 2, which keeps the store, does not answer: [^\n]*goes on/);
  });
});
