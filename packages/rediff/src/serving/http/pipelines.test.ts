/** Requests that are sent without waiting for answers. */
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { listen } from "./listen.js";

const request = (path: string, connection = "keep-alive") =>
  `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: ${connection}\r\n\r\n`;

async function start(answer: (path: string) => Promise<Response>) {
  return listen((request) => answer(new URL(request.url).pathname), {
    ...{ host: "127.0.0.1", port: 0, requestTimeout: 20, writeTimeout: 20, maxConnections: 100 },
    log: () => undefined,
  });
}

test("are worked on one after the other, and answered in their order, however many they are", async () => {
  let underway = 0;
  let most = 0;
  const listener = await start(async (path) => {
    most = Math.max(most, ++underway);
    await new Promise((resolve) => setTimeout(resolve, path === "/slow" ? 50 : 0));
    underway--;
    return new Response(`[${path}]`);
  });
  try {
    const paths = Array.from({ length: 500 }, (_, i) => (i === 3 ? "/slow" : `/${i}`));
    const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
    socket.write([...paths.map((path) => request(path)), request("/last", "close")].join(""));
    const answers = (await text(socket)).match(/\[[^\]]*\]/g);
    expect(answers).toEqual([...paths, "/last"].map((path) => `[${path}]`));
    expect(most).toBe(1);
  } finally {
    await listener.close();
  }
});

test("are not worked on when their client has left", async () => {
  const seen: string[] = [];
  const listener = await start(async (path) => {
    seen.push(path);
    if (path === "/first") await new Promise((resolve) => setTimeout(resolve, 200));
    return new Response("");
  });
  try {
    const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
    socket.on("error", () => undefined).write(request("/first") + request("/second"));
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(seen).toEqual(["/first"]);
  } finally {
    await listener.close();
  }
});

test("are forgotten when their client has left", async () => {
  const listener = await start(async (path) => {
    if (path === "/20") await new Promise((resolve) => setTimeout(resolve, 100));
    return new Response("");
  });
  const kept: WeakRef<object>[] = [];
  const closed: Promise<unknown>[] = [];
  listener.server.on("request", (_, response) => kept.push(new WeakRef(response)));
  listener.server.on("connection", (socket) => closed.push(once(socket, "close")));
  try {
    for (let i = 0; i < 5; i++) {
      const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
      socket.on("error", () => undefined).write(Array.from({ length: 300 }, (_, j) => request(`/${j}`)).join(""));
      await once(socket, "data");
      socket.destroy();
    }
    await Promise.all(closed);
    const left = () => {
      collectGarbage();
      return kept.filter((response) => response.deref() !== undefined).length;
    };
    expect(kept.length).toBeGreaterThan(1000);
    await expect.poll(left, { timeout: 5000 }).toBe(0);
  } finally {
    await listener.close();
  }
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
