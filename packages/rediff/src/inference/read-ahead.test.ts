/** Pictures are decoded and resized beside the decoding of those before them, and not when their turn comes. */
import { setTimeout } from "node:timers/promises";
import { afterEach, expect, vi } from "vitest";
import { test } from "../testing/fixtures.js";
import { fixturePath } from "../vision/fixtures/pillow.js";
import { describeMany } from "./describe-many.js";

const watched = vi.hoisted(() => ({ begun: [] as string[], done: [] as string[] }));
const { begun, done } = watched;

vi.mock("../vision/index.js", async (original) => {
  const real = await original<typeof import("../vision/index.js")>();
  class Watched extends real.VisionPool {
    override async picture(...[source, ...rest]: Parameters<InstanceType<typeof real.VisionPool>["picture"]>) {
      watched.begun.push(String(source));
      const tiles = await super.picture(source, ...rest);
      watched.done.push(String(source));
      return tiles;
    }
  }
  return { ...real, VisionPool: Watched };
});

afterEach(() => {
  begun.length = done.length = 0;
});

const pictures = ["color.jpg", "rgba.png", "grey.jpg", "palette.png", "alpha.webp"].map(fixturePath);

test("the next pictures are prepared while others are decoded, as many as asked for", async ({ model }) => {
  const ahead = 3;
  let atFirstStep: string[] | undefined;
  const onStep = () => {
    atFirstStep ??= [...begun];
  };
  const results = describeMany(model, pictures, { genLength: 8, batch: 1, readAhead: ahead, onStep });
  expect(await results.next()).toMatchObject({ value: { index: 0, ok: true } });
  // Before the first was decoded, others were begun; and they are done without anybody asking for them.
  expect(atFirstStep).toEqual(pictures.slice(0, ahead));
  for (let tries = 0; done.length < ahead && tries < 1000; tries++) await setTimeout(10);
  expect([...done].sort()).toEqual(pictures.slice(0, ahead).sort());
  expect(begun, "and no more than that").toHaveLength(ahead);
  // The second is decoded already; a place further ahead is free.
  expect(await results.next()).toMatchObject({ value: { index: 1, ok: true } });
  expect(begun).toEqual(pictures.slice(0, ahead + 1));
  await results.return(undefined);
});
