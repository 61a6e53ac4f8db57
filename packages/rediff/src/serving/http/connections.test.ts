/** Clients by the hundred, and descriptors that run out. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { program } from "../../testing/command-line.js";
import { isBuilt, metric, pictureUrl, post, until } from "../testing/start.js";
import { connectionLimit } from "./connections.js";
import { listen } from "./listen.js";

describe("how many there may be", () => {
  test("1,024, or as many as leave 256 descriptors", () => {
    expect(connectionLimit(undefined, Number.POSITIVE_INFINITY)).toBe(1024);
    expect(connectionLimit(undefined, 1024)).toBe(768);
    expect(connectionLimit(2000, 1_048_576)).toBe(2000);
  });

  test("more than there are descriptors for is an error that says how many, and what to do", () => {
    expect(() => connectionLimit(1000, 1024)).toThrow(/1000 needs 1256 open files, and this process may have 1024/);
    expect(() => connectionLimit(undefined, 128)).toThrow(/may open 128 files, and a server needs 257/);
  });
});

let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

function open(url: string, head = ""): Socket {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(head);
  sockets.push(socket);
  return socket;
}

const GET = "GET / HTTP/1.1\r\nhost: localhost\r\n";

test("one connection too many is told so in the API's form and closed; the others go on; the log says it once", async () => {
  const log: string[] = [];
  let refused = 0;
  const listener = await listen(async () => new Response("ok"), {
    host: "127.0.0.1",
    port: 0,
    requestTimeout: 20,
    writeTimeout: 20,
    maxConnections: 3,
    log: (line) => log.push(line),
    onRefused: () => refused++,
  });
  try {
    const [first] = [1, 2, 3].map(() => open(listener.url));
    await until(() => listener.connections === 3);
    for (let i = 0; i < 3; i++) {
      const [head = "", body = ""] = (await text(open(listener.url, `${GET}\r\n`))).split("\r\n\r\n");
      expect(head).toMatch(/^HTTP\/1\.1 503 /);
      expect(head).toMatch(/^retry-after: 1\r?$/m);
      expect(JSON.parse(body)).toMatchObject({
        error: { type: "service_unavailable_error", param: null, code: "too_many_connections" },
      });
    }
    const silent = open(listener.url);
    await once(silent, "close"); // in a second, asked or not
    expect(refused).toBe(4);
    expect(log).toEqual([expect.stringMatching(/^more than 3 connections at once: .*--max-connections/)]);
    first?.write(`${GET}connection: close\r\n\r\n`);
    expect(await text(first!)).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => listener.connections === 2);
    expect(await text(open(listener.url, `${GET}connection: close\r\n\r\n`))).toMatch(/^HTTP\/1\.1 200 /);
  } finally {
    await listener.close();
  }
});

test("hundreds beyond the limit are closed without a word, and counted", async () => {
  let refused = 0;
  const listener = await listen(async () => new Response("ok"), {
    host: "127.0.0.1",
    port: 0,
    requestTimeout: 20,
    writeTimeout: 20,
    maxConnections: 3,
    log: () => undefined,
    onRefused: () => refused++,
  });
  try {
    for (let i = 0; i < 203; i++) open(listener.url);
    await until(() => refused === 200);
    expect(listener.connections).toBeLessThanOrEqual(3 + 32);
  } finally {
    await listener.close();
  }
});

const DESCRIPTORS = 320;

/** A second of grey; undefined without ffmpeg. */
function videoUrl(): string | undefined {
  const source = ["-f", "lavfi", "-i", "color=c=gray:s=64x64:r=4:d=1"];
  const { status, stdout } = spawnSync("ffmpeg", ["-v", "error", ...source, "-c:v", "mpeg2video", "-f", "mpegts", "-"]);
  return status === 0 ? `data:video/mp2t;base64,${stdout.toString("base64")}` : undefined;
}

/** A request of a body, on a connection that is there already. @returns the answer */
function ask(socket: Socket, body: unknown): Promise<string> {
  const json = JSON.stringify(body);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
  );
  return text(socket);
}

const seeing = (kind: "image" | "video", url: string) => ({
  messages: [
    {
      role: "user",
      content: [
        { type: `${kind}_url`, [`${kind}_url`]: { url } },
        { type: "text", text: "a" },
      ],
    },
  ],
  max_tokens: 2,
});

// Windows has no such limit, and no `ulimit`.
describe.skipIf(!isBuilt || process.platform === "win32")("a server with few descriptors", () => {
  test("refuses what is too much, and goes on to decode pictures and videos and to start models", async () => {
    const args = [program, "serve", "--port", "0", "--threads", "1"];
    const child = spawn("/bin/sh", ["-c", `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`, process.execPath, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = text(child.stderr);
    try {
      const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const all = Array.from({ length: 400 }, () => open(url));
      const kept = all.slice(0, 12);
      await until(() => all.filter(({ closed }) => closed).length > 200);
      // All places for clients are taken. Five pictures at once have every decoder started, and a second model has a
      // process and threads of its own.
      const picture = seeing("image", pictureUrl());
      const video = videoUrl();
      const bodies = [
        ...Array(5).fill(picture),
        ...(video ? [seeing("video", video)] : []),
        { ...picture, model: "llada-v-demo" },
      ];
      const answers = await Promise.all(bodies.map((body, i) => ask(kept[i]!, body)));
      for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      if (process.platform === "linux")
        expect(readdirSync(`/proc/${child.pid}/fd`).length).toBeLessThan(DESCRIPTORS - 32);
      for (const socket of all) socket.destroy();
      await until(async () => (await metric(url, "rediff_connections")) <= 2);
      expect(await metric(url, "rediff_refused_connections_total")).toBeGreaterThan(200);
      expect((await post(url, "/v1/chat/completions", picture)).status).toBe(200);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`the server said:\n${await said}`, { cause: error });
    } finally {
      child.kill("SIGKILL");
    }
  });
});
