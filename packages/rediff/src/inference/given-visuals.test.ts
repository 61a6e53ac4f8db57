import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, vi } from "vitest";
import { UserError } from "../errors.js";
import { test as base, pictureFolder } from "../testing/fixtures.js";
import { plainVisual } from "./given-visuals.js";
import type { VisualSource } from "./request.js";

const photo = join(pictureFolder, "color.jpg");
const bytes = readFileSync(photo);
const base64 = bytes.toString("base64");

/** A server of files, and its address. */
const test = base.extend("site", async ({ onTestFinished }): Promise<string> => {
  const server = createServer((request, response) => {
    if (request.url === "/photo") response.writeHead(200, { "content-type": "image/jpeg" }).end(bytes);
    else if (request.url === "/film") response.writeHead(200, { "content-type": "video/mp4" }).end("film");
    else if (request.url === "/slow") response.writeHead(200).write("a");
    else if (request.url === "/cut")
      response.writeHead(200, { "content-length": 100 }).write("a", () => response.destroy());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

/** In a buffer with something before and behind it. */
const amid = (): Uint8Array => {
  const wide = new Uint8Array(bytes.length + 7).fill(255);
  wide.set(bytes, 3);
  return wide.subarray(3, 3 + bytes.length);
};
const copy = () => new Uint8Array(bytes).buffer as ArrayBuffer;
const shared = (): SharedArrayBuffer => {
  const memory = new SharedArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
};

describe("the same file comes out of", () => {
  test.each<[string, () => VisualSource]>([
    ["a Buffer", () => bytes],
    ["a part of a larger array", amid],
    ["a DataView", () => new DataView(amid().buffer, 3, bytes.length)],
    ["an Int8Array", () => new Int8Array(copy())],
    ["an ArrayBuffer", copy],
    ["a SharedArrayBuffer", shared],
    ["a Blob", () => new Blob([copy()])],
    ["a File", () => new File([bytes], "a.jpg", { type: "image/jpeg" })],
    ["a data: URL as text", () => `data:image/jpeg;base64,${base64}`],
    ["a data: URL", () => new URL(`data:image/jpeg;base64,${base64}`)],
  ])("%s", async (_, source) => {
    const plain = await plainVisual(source());
    expect(plain).toBeInstanceOf(Uint8Array);
    expect(Buffer.from(plain as Uint8Array).equals(bytes)).toBe(true);
  });

  test("an address, as a URL and as text", async ({ site }) => {
    for (const address of [new URL("/photo", site), `${site}/photo`])
      expect(Buffer.from((await plainVisual(address)) as Uint8Array).equals(bytes)).toBe(true);
  });

  test("a path and a file: URL are the path", async () => {
    expect(await plainVisual(photo)).toBe(photo);
    expect(await plainVisual(pathToFileURL(photo))).toBe(photo);
    expect(await plainVisual(pathToFileURL(photo).href)).toBe(photo);
    expect(await plainVisual("C:\\pictures\\a.jpg")).toBe("C:\\pictures\\a.jpg");
    expect(await plainVisual("data:a file of this name")).toBe("data:a file of this name");
  });
});

describe("a video is one", () => {
  test("by what is said, by its type, or by its name", async ({ site }) => {
    const film = Buffer.from("film");
    const named = { video: { name: "video", bytes: expect.anything() } };
    expect(await plainVisual({ video: new Blob(["film"]) })).toEqual(named);
    expect(await plainVisual({ video: film })).toEqual(named);
    expect(await plainVisual({ video: { name: "a.mp4", bytes: film } })).toEqual({
      video: { name: "a.mp4", bytes: film },
    });
    expect(await plainVisual({ video: "a.mp4" })).toEqual({ video: "a.mp4" });
    expect(await plainVisual(new File(["film"], "a", { type: "video/webm" }))).toMatchObject({ video: { name: "a" } });
    expect(await plainVisual(new File(["film"], "b.mov"))).toMatchObject({ video: { name: "b.mov" } });
    expect(await plainVisual(`data:video/mp4;base64,${film.toString("base64")}`)).toEqual(named);
    expect(await plainVisual(new URL("/film", site))).toMatchObject({ video: { name: "/film" } });
  });
});

describe("is refused in one line", () => {
  test.each<[unknown, RegExp]>([
    [42, /a picture is a path, a URL, or a file's bytes.*got 42/],
    [undefined, /got nothing/],
    [{ image: "a.jpg" }, /got \{"image":"a.jpg"\}/],
    [{ video: 7 }, /got 7/],
    [new URL("ftp://example.org/a.jpg"), /ftp:\/\/example.org\/a.jpg is no address of a picture. Use file:/],
    [new URL("file://elsewhere/a.jpg"), /is no path on this machine/],
    ["data:image/png;base64,A", /cut off/],
  ])("%j", async (source, message) => {
    const error = await plainVisual(source as VisualSource).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).line).toMatch(message);
  });

  test("an address that does not answer with a file", async ({ site }) => {
    await expect(plainVisual(new URL("/none", site))).rejects.toThrow(/\/none answers 404/);
    await expect(plainVisual(new URL("/cut", site))).rejects.toThrow(/\/cut cannot be fetched: /);
    await expect(plainVisual("http://127.0.0.1:1/a.jpg")).rejects.toThrow(/cannot be fetched: /);
  });

  test("the caller's signal ends waiting, with its own reason", async ({ site }) => {
    const controller = new AbortController();
    const waiting = plainVisual(new URL("/slow", site), controller.signal);
    const why = new Error("enough");
    setTimeout(() => controller.abort(why), 20);
    await expect(waiting).rejects.toBe(why);
  });
});

test("a model takes them: the answer about a Blob is that about its file", async ({ model }) => {
  const ask = async (source: VisualSource) => (await model.describe(source, { genLength: 8 })).tokenIds;
  const fetched = vi.spyOn(globalThis, "fetch");
  expect(await ask(new Blob([copy()]))).toEqual(await ask(photo));
  expect(await ask(`data:image/jpeg;base64,${base64}`)).toEqual(await ask(photo));
  expect(fetched).not.toHaveBeenCalled();
  fetched.mockRestore();
});
