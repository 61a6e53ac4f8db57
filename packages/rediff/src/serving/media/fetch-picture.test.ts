/** Fetching pictures: this machine plays the internet, by a rule for what is allowed; the tests of the rule itself stand
 *  in addresses.test.ts. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { UserError } from "../../errors.js";
import { type FetchOptions, fetchPicture } from "./fetch-picture.js";
import { Turns } from "./turns.js";

/** A thousandth of what it unpacks to. */
const PACKED = gzipSync(Buffer.alloc(500_000));

let inside: Server;
let outside: Server;
const reached: string[] = [];
const portOf = (server: Server) => (server.address() as AddressInfo).port;

const start = (listener: RequestListener) =>
  new Promise<Server>((resolve) => {
    const server = createServer(listener).listen(0, "127.0.0.1", () => resolve(server));
  });

beforeAll(async () => {
  inside = await start((request, response) => {
    reached.push(request.url ?? "");
    response.end("secret");
  });
  outside = await start((request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    if (url.pathname === "/picture") response.end("bytes");
    else if (url.pathname === "/to") response.writeHead(302, { location: url.searchParams.get("url") ?? "" }).end();
    else if (url.pathname === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (url.pathname === "/large") response.end(Buffer.alloc(5000));
    else if (url.pathname === "/endless") {
      const timer = setInterval(() => response.write(Buffer.alloc(100)), 1);
      response.on("close", () => clearInterval(timer));
    } else if (url.pathname === "/silent") response.write("b");
    else if (url.pathname === "/trickle") {
      const timer = setInterval(() => response.write("b"), 20);
      response.on("close", () => clearInterval(timer));
    } else if (url.pathname === "/headers") {
      const { socket } = response;
      const timer = setInterval(() => socket?.write(`x: ${"y".repeat(100)}\r\n`), 1);
      socket?.write("HTTP/1.1 200 OK\r\n");
      socket?.on("close", () => clearInterval(timer)).on("error", () => {});
    } else if (url.pathname === "/packed")
      response.writeHead(200, { "content-encoding": "gzip", "content-type": "image/png" }).end(PACKED);
    else response.writeHead(404).end();
  });
});
afterAll(() => {
  for (const server of [inside, outside]) {
    server.closeAllConnections();
    server.close();
  }
});

/** The outside server's port is the internet, and so is the name "public". */
function get(url: string, options: Partial<FetchOptions> = {}) {
  return fetchPicture(url, {
    maxBytes: 1000,
    timeoutMs: 500,
    signal: new AbortController().signal,
    isAllowed: (address, port) => address === "127.0.0.1" && port === portOf(outside),
    resolve: async (host) => {
      if (host === "public") return [{ address: "127.0.0.1", family: 4 }];
      if (host === "mixed") return ["127.0.0.1", "10.0.0.1"].map((address) => ({ address, family: 4 }));
      throw new Error("no such host");
    },
    ...options,
  });
}
const out = (path: string) => `http://public:${portOf(outside)}${path}`;
const to = (url: string) => out(`/to?url=${encodeURIComponent(url)}`);

test("a picture, and one behind redirects", async () => {
  expect(Buffer.from(await get(out("/picture"))).toString()).toBe("bytes");
  expect(Buffer.from(await get(to(to("/picture")))).toString()).toBe("bytes");
});

/** Of a private address, one that nobody has, and a name that does not exist: nothing is told apart. */
const SAME = /^http:\/\/\S+: cannot be fetched$/;

test("private addresses are refused, by name, by number, in whatever spelling, behind redirects", async () => {
  const port = portOf(inside);
  const spellings = [
    `http://127.0.0.1:${port}/a`,
    `http://2130706433:${port}/b`,
    `http://0x7f.1:${port}/c`,
    `http://[::ffff:127.0.0.1]:${port}/d`,
    `http://public:${port}/e`,
  ];
  for (const url of spellings) {
    await expect(get(url)).rejects.toThrow(SAME);
    await expect(get(to(url))).rejects.toThrow(SAME);
  }
  await expect(get(`http://mixed:${portOf(outside)}/picture`)).rejects.toThrow(SAME);
  expect(reached).toEqual([]);
});

test("the usual rule refuses this machine", async () => {
  const { port } = outside.address() as AddressInfo;
  const plain = { maxBytes: 1000, timeoutMs: 500, signal: new AbortController().signal };
  for (const host of ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
    await expect(fetchPicture(`http://${host}:${port}/picture`, plain)).rejects.toThrow(SAME);
});

test("a name that changes its address between judging and connecting does not matter: it is asked once", async () => {
  let asked = 0;
  const resolve = async () => {
    asked++;
    return [{ address: asked === 1 ? "127.0.0.1" : "10.0.0.1", family: 4 }];
  };
  expect(Buffer.from(await get(`http://rebind:${portOf(outside)}/picture`, { resolve })).toString()).toBe("bytes");
  expect(asked).toBe(1);
});

test("size, time, number of redirects, schemes, errors", async () => {
  await expect(get(out("/large"))).rejects.toThrow(/larger than 1000 bytes/);
  await expect(get(out("/endless"))).rejects.toThrow(/larger than 1000 bytes/);
  await expect(get(out("/silent"))).rejects.toThrow(SAME);
  await expect(get(out("/loop"))).rejects.toThrow(/more than 3 redirects/);
  await expect(get(out("/none"))).rejects.toThrow(/status 404/);
  await expect(get("http://nowhere/")).rejects.toThrow(/cannot be fetched/);
  for (const other of ["file:///etc/passwd", "data:image/png;base64,AAAA", "ftp://public/x"])
    await expect(get(to(other))).rejects.toThrow(/only http and https/);
  await expect(get(to(`http://user:pass@public:${portOf(outside)}/picture`))).rejects.toThrow(/user name/);
  await expect(get(`http://user:pass@public:${portOf(outside)}/picture`)).rejects.toThrow(/user name/);
});

test("a client that leaves ends it", async () => {
  const controller = new AbortController();
  const waiting = get(out("/silent"), { signal: controller.signal, timeoutMs: 10_000 });
  setTimeout(() => controller.abort(new Error("left")), 50);
  await expect(waiting).rejects.toThrow("left");
});

test("bytes that trickle and headers without end are not waited for, and nothing is unpacked", async () => {
  await expect(get(out("/trickle"))).rejects.toThrow(SAME);
  await expect(get(out("/headers"), { timeoutMs: 20_000 })).rejects.toThrow(SAME);
  expect(Buffer.from(await get(out("/packed")))).toEqual(PACKED);
});

test("nothing tells a private address from one that keeps silent, but the time", async () => {
  const line = (url: string) => get(url).catch((error: UserError) => error.line.replace(url, "URL"));
  const answers = [out("/silent"), `http://127.0.0.1:${portOf(inside)}/x`, "http://nowhere/", "http://mixed/"].map(
    line,
  );
  expect(new Set(await Promise.all(answers))).toEqual(
    new Set([
      "URL: cannot be fetched. Only public addresses are asked, for 0.5 seconds; send the picture as a data: URL",
    ]),
  );
});

test.each([22, 25, 1, 81, 445])("port %i, which is none of the web's, is not asked", async (port) => {
  await expect(get(`http://public:${port}/`)).rejects.toThrow(`port ${port} is not asked`);
  await expect(get(to(`http://public:${port}/`))).rejects.toThrow(`port ${port} is not asked`);
});

test("a thousand URLs of one host are fetched a few at a time; who waits too long is told", async () => {
  const turns = new Turns({ inAll: 4, ofOne: 2 });
  let asked = 0;
  const silent = new AbortController();
  const resolve = (): Promise<never> => {
    asked++;
    return new Promise((_, reject) => silent.signal.addEventListener("abort", () => reject(new Error("none"))));
  };
  const message = (timeoutMs: number) =>
    get("http://slow/", { turns, resolve, timeoutMs }).catch((error: UserError) => error.message);
  const first = [message(60_000), message(60_000)];
  const others = Array.from({ length: 1000 }, () => message(100));
  expect(new Set(await Promise.all(others))).toEqual(new Set(["http://slow/: too many pictures are being fetched"]));
  expect(asked).toBe(2);
  silent.abort();
  expect(await Promise.all(first)).toEqual(Array(2).fill("http://slow/: cannot be fetched"));
  // Nothing is left behind in the line.
  await expect(get(out("/picture"), { turns })).resolves.toBeDefined();
});
