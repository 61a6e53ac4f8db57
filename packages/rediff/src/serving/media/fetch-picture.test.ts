/** Fetching pictures: this machine plays the internet, by a rule for what is allowed; the tests of the rule itself stand
 *  in addresses.test.ts. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FetchOptions, fetchPicture } from "./fetch-picture.js";

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
  await expect(get(out("/silent"))).rejects.toThrow(/no answer within 0.5 seconds/);
  await expect(get(out("/loop"))).rejects.toThrow(/more than 3 redirects/);
  await expect(get(out("/none"))).rejects.toThrow(/status 404/);
  await expect(get("http://nowhere/")).rejects.toThrow(/cannot be fetched/);
  await expect(get(to("file:///etc/passwd"))).rejects.toThrow(/only http and https/);
  await expect(get(`http://user:pass@public:${portOf(outside)}/picture`)).rejects.toThrow(/user name/);
});

test("a client that leaves ends it", async () => {
  const controller = new AbortController();
  const waiting = get(out("/silent"), { signal: controller.signal, timeoutMs: 10_000 });
  setTimeout(() => controller.abort(new Error("left")), 50);
  await expect(waiting).rejects.toThrow("left");
});
