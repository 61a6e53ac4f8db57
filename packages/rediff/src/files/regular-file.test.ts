import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { assertRegular, openRegular, readRegular, readRegularSync } from "./regular-file.js";

const { at } = folderOfFile();
const readWhole = (path: string, expected: string) => readRegular(path, { expected, most: 10 });
const readAtOnce = async (path: string, expected: string) => readRegularSync(path, { expected, most: 10 });
const readers = [openRegular, assertRegular, readWhole, readAtOnce];
const hasPipes = process.platform !== "win32";

describe("files that are read from anywhere in them", () => {
  test("are opened, whatever they are called", async () => {
    writeFileSync(at("a.png"), "abc");
    await using file = await openRegular(at("a.png"), "a picture file");
    expect((await file.readFile()).toString()).toBe("abc");
    expect(await assertRegular(at("a.png"), "a picture file")).toBe(3);
  });

  test("are not folders, and not missing", async () => {
    mkdirSync(at("folder"));
    for (const read of readers) {
      await expect(read(at("folder"), "a data file")).rejects.toThrow(/folder: is a folder; expected a data file/);
      await expect(read(at("none"), "a data file")).rejects.toThrow(/none: no such file or folder/);
    }
  });

  test("are not larger than they may be, where all of them is read", async () => {
    writeFileSync(at("large.txt"), "a".repeat(11));
    for (const read of [readWhole, readAtOnce]) {
      await expect(read(at("large.txt"), "a recipe")).rejects.toThrow(/is 11 B large; a recipe has at most 10 B/);
      expect(String(await read(at("a.png"), "a recipe"))).toBe("abc");
    }
  });

  test("have names that a system can have", async () => {
    symlinkSync("circle", at("circle"));
    for (const read of readers) {
      await expect(read(at("x".repeat(300)), "a recipe")).rejects.toThrow(/xxx\.\.\.x+: the name is too long$/);
      await expect(read(at("circle"), "a recipe")).rejects.toThrow(/circle: is a link that leads to itself/);
    }
  });

  test.skipIf(!hasPipes)("are not pipes, devices or sockets, and that is known without waiting", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const server = createServer().listen(at("socket"));
    await once(server, "listening");
    try {
      for (const read of readers) {
        await expect(read(at("pipe"), "a data file")).rejects.toThrow(/pipe: is a named pipe; expected a data file/);
        await expect(read("/dev/zero", "an archive")).rejects.toThrow("/dev/zero: is a device; expected an archive");
        await expect(read(at("socket"), "a data file")).rejects.toThrow(/socket: is a socket; expected/);
      }
    } finally {
      server.close();
    }
  });
});
