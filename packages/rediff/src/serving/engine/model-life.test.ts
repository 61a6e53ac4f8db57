import { expect, test } from "vitest";
import { UserError } from "../../errors.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import { ModelLife } from "./model-life.js";

const facts = {} as ModelFacts;

test("a model is loading until all of its processes have it, and takes requests from the first on", async () => {
  const life = new ModelLife(undefined);
  expect([life.status, life.facts]).toEqual(["loading", undefined]);
  let isWhole = false;
  const loaded = life.load().then((told) => {
    isWhole = true;
    return told;
  });
  life.arrived(facts, false);
  await Promise.resolve();
  expect([life.status, life.facts, isWhole, life.loadingSeconds]).toEqual(["ready", facts, false, undefined]);
  life.arrived(facts, true);
  expect(await loaded).toBe(facts);
});

test("one that cannot be loaded says why until it is tried again; what is no user's mistake is in the log", async () => {
  const life = new ModelLife(facts);
  expect(life.status).toBe("idle");
  life.ask();
  expect([life.status, life.loadingSeconds]).toEqual(["loading", 0]);
  const loading = life.load();
  const why = new UserError("the disk is gone", "Mount it.");
  life.refuse(why);
  await expect(loading).rejects.toBe(why);
  life.rest();
  life.fail(why);
  expect([life.status, life.failure]).toEqual(["idle", why]);
  life.fail(new Error("SIGKILL"));
  expect(life.failure?.line).toBe("its process failed. The server's log says why.");
  life.ask();
  expect(life.failure).toBeUndefined();
});

test("one that is to take no more requests stays so, whatever becomes of its processes", () => {
  const life = new ModelLife(undefined);
  life.arrived(facts, true);
  life.restart();
  expect(life.status).toBe("restarting");
  life.drain();
  life.restart();
  life.rest();
  life.arrived(facts, true);
  expect(life.status).toBe("draining");
});
