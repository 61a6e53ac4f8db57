/** A server with a model in two processes: who gets what, and what happens when one of them dies. */
import { deviceCount } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { devicesOf } from "./engine/replica.js";
import { isBuilt, metric, post, startTestServer, until } from "./testing/start.js";

const CHAT = "/v1/chat/completions";
const ask = (text: string, extra: object = {}) => ({ messages: [{ role: "user", content: text }], ...extra });
/** Hundreds of steps, one token at a time: a model of random weights does not end early. */
const long = () => ask("What is there?", { max_tokens: 400 });

test.skipIf(!isBuilt)(
  "requests go to the least busy; one that dies is replaced, and nobody but its own request is told",
  async () => {
    await using started = await startTestServer({ tiny: { maxPositions: 512 }, engine: { replicas: 2, batch: 1 } });
    const { url, server, log } = started;
    const { engine } = server;
    const running = () => engine.replicas.map((replica) => replica.running);
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok", replicas: { up: 2, of: 2 } });

    // Held as soon as they have begun, so that neither ends before its time on a quick or a busy machine.
    const answers: ReturnType<typeof post>[] = [];
    for (const [i, replica] of engine.replicas.entries()) {
      const before = await metric(url, "rediff_steps_total");
      answers.push(post(url, CHAT, long()));
      await until(async () => (await metric(url, "rediff_steps_total")) > before);
      process.kill(replica.pid ?? 0, "SIGSTOP");
      expect(running()[i]).toBe(1);
    }
    answers.push(post(url, CHAT, ask("a")), post(url, CHAT, ask("b")));
    await until(() => running().join() === "2,2");
    const [first, second] = engine.replicas;
    process.kill(second?.pid ?? 0, "SIGKILL");
    process.kill(first?.pid ?? 0, "SIGCONT");
    await until(() => engine.replicas[1]?.isUp === false);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok", replicas: { up: 1, of: 2 } });
    expect(await metric(url, 'rediff_replicas{model="tiny",state="away"}')).toBe(1);

    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 200, 200, 500]);
    expect(statuses[1]).toBe(500);
    await until(() => engine.replicas.every(({ isUp }) => isUp));
    expect(engine.replicas[0]?.pid).toBe(first?.pid);
    expect([engine.restarts, engine.status]).toEqual([1, "ready"]);
    expect(await metric(url, 'rediff_replicas{model="tiny",state="up"}')).toBe(2);
    expect(log).toEqual([
      expect.stringMatching(/^replica 1 of 2: the model's process ended \(SIGKILL\); starting it again$/),
    ]);
  },
);

describe("devices", () => {
  test("of several replicas on cuda are GPUs of their own; one stays where it was told", () => {
    expect(devicesOf("cuda", 3)).toEqual(["cuda:0", "cuda:1", "cuda:2"]);
    expect(devicesOf("cuda", 1)).toEqual(["cuda"]);
    expect(devicesOf("cpu", 2)).toEqual(["cpu", "cpu"]);
    expect(devicesOf(undefined, 2)).toEqual([undefined, undefined]);
  });

  test.skipIf(!isBuilt || deviceCount("cuda") > 1)(
    "that are not there are told with the replica's number",
    async () => {
      const starting = startTestServer({ engine: { replicas: 2, load: { device: "cuda" } } });
      await expect(starting).rejects.toThrow(/^replica \d of 2: device cuda:\d is not available/);
    },
  );
});
