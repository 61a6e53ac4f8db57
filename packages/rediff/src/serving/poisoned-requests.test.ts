/** Requests that kill the model's process or make it hang. Its main thread is given a listener that does what memory or
 *  a fault in native code does: it dies, or works for ever, before the request is begun. */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { isBuilt, metric, post, startTestServer, until } from "./testing/start.js";

const CHAT = "/v1/chat/completions";
const ask = (text: string, extra: object = {}) => ({ messages: [{ role: "user", content: text }], ...extra });
interface Failure {
  error: { code: string; message: string };
}

const { at } = folderOfFile();
const before = process.env.NODE_OPTIONS;

beforeAll(() => {
  const file = at("poison.mjs");
  writeFileSync(
    file,
    `import { isMainThread } from "node:worker_threads";
     const { emit } = process;
     // A listener of its own would have the first messages come before the process has its.
     if (isMainThread) process.emit = function (name, message, ...rest) {
       const text = name === "message" ? JSON.stringify(message.job ?? "") : "";
       if (text.includes("kill")) process.kill(process.pid, "SIGKILL");
       if (text.includes("hang")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       return emit.call(process, name, message, ...rest);
     };`,
  );
  process.env.NODE_OPTIONS = `${before ?? ""} --import ${pathToFileURL(file)}`;
});
afterAll(() => {
  if (before === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = before;
});

describe.skipIf(!isBuilt)("a request that the model's process does not survive", () => {
  test.each([
    ["kills it", "kill"],
    ["makes it hang", "hang"],
  ])("%s: it alone gets an error, after the second time; its neighbours get answers", async (_, word) => {
    await using started = await startTestServer({ engine: { life: { stepTimeout: 2 } } });
    const { url, server, log } = started;
    // Stopped, the process takes all of them before it begins any.
    process.kill(server.engine.pid!, "SIGSTOP");
    const poison = post(url, CHAT, ask(word));
    await until(() => server.engine.running === 1);
    const neighbours = ["a", "b", "c"].map((text) => post(url, CHAT, ask(text)));
    await until(() => server.engine.running === 4);
    process.kill(server.engine.pid!, "SIGCONT");

    const refused = await poison;
    expect([refused.status, (refused.body as Failure).error.code]).toEqual([500, "model_crashed"]);
    expect((await Promise.all(neighbours)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await metric(url, "rediff_model_restarts")).toBe(2);
    expect(log.join("\n")).toMatch(word === "kill" ? /SIGKILL/ : /has worked on one step for 2 s/);
  });

  test("a client that leaves takes its suspect request with it", async () => {
    await using started = await startTestServer();
    const { url, server } = started;
    process.kill(server.engine.pid!, "SIGSTOP");
    const stop = new AbortController();
    const left = post(url, CHAT, ask("kill"), { signal: stop.signal }).catch(() => "left");
    await until(() => server.engine.running === 1);
    process.kill(server.engine.pid!, "SIGCONT");
    await until(() => server.engine.status === "restarting");
    expect(server.engine.queued).toBe(1);
    stop.abort();
    expect(await left).toBe("left");
    await until(() => server.engine.queued === 0);
    expect((await post(url, CHAT, ask("fine"))).status).toBe(200);
    expect(await metric(url, "rediff_model_restarts")).toBe(1);
  });
});

describe.skipIf(!isBuilt)("a process that is stopped", () => {
  test("is noticed and replaced, idle or not; what waited is answered", async () => {
    await using started = await startTestServer({ engine: { life: { heartbeatTimeout: 2 } } });
    const { url, server, log } = started;
    process.kill(server.engine.pid!, "SIGSTOP");
    const waiting = post(url, CHAT, ask("fine"));
    await until(() => server.engine.status === "restarting");
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    expect((await waiting).status).toBe(200);
    expect(log.join("\n")).toMatch("the model's process has given no sign of life for 2 s; starting it again");

    process.kill(server.engine.pid!, "SIGSTOP");
    await until(async () => (await metric(url, "rediff_model_restarts")) === 2);
    await until(async () => (await fetch(`${url}/ready`)).status === 200);
  });

  test("in the middle of an answer: an error, and not silence", async () => {
    await using started = await startTestServer({ engine: { life: { heartbeatTimeout: 2 } } });
    const { url, server } = started;
    const long = post(url, CHAT, ask("Long", { max_tokens: 3500 }));
    await until(async () => (await metric(url, "rediff_steps_total")) > 0);
    process.kill(server.engine.pid!, "SIGSTOP");
    const { status, body } = await long;
    expect([status, (body as Failure).error.code]).toEqual([500, "model_crashed"]);
  });
});
