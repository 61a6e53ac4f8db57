/** The applications of examples/: those of Express and the worker run as they are shown, with the embedded model; those of
 *  Next and Electron, which are not installed here, in a frame of a few lines. That their types are right is seen with
 *  those of all other sources: examples/ is a part of `tsc -b`. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, vi } from "vitest";
import { z } from "zod";
import { UserError } from "./errors.js";
import { startProgram } from "./testing/command-line.js";
import { test } from "./testing/fixtures.js";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const isBuilt = existsSync(at("packages/rediff/dist/index.js"));
const photo = at("examples/cat.jpg");

/** What a program wrote first. */
const firstLine = ({ child, done }: ReturnType<typeof startProgram>): Promise<string> =>
  new Promise((resolve, reject) => {
    child.stdout.once("data", (text: string) => resolve(text.trim()));
    done.then(({ stderr }) => reject(new Error(stderr)), reject);
  });

test("every source of examples/ is compiled with all others", () => {
  const { references } = z
    .object({ references: z.array(z.object({ path: z.string() })) })
    .parse(JSON.parse(readFileSync(at("tsconfig.json"), "utf8")));
  expect(references).toContainEqual({ path: "examples" });
  const sources = readdirSync(at("examples"), { recursive: true, encoding: "utf8" });
  const code = sources.filter((path) => /\.[cm]?[jt]sx?$/.test(path) && !path.startsWith("build"));
  expect(code.length).toBeGreaterThan(6);
  const { include } = z
    .object({ include: z.array(z.string()) })
    .parse(JSON.parse(readFileSync(at("examples/tsconfig.json"), "utf8")));
  expect(code.filter((path) => !include.includes(`**/*${extname(path)}`))).toEqual([]);
});

describe.skipIf(!isBuilt)("examples/", () => {
  test("express: streams the steps and the text, tells what is no picture, and ends when asked to", async () => {
    const server = startProgram(process.execPath, [at("examples/express/server.mjs")], { env: { PORT: "0" } });
    try {
      const url = await firstLine(server);
      const ask = (body: Uint8Array<ArrayBuffer>) => fetch(url, { method: "POST", body });
      const answer = await ask(new Uint8Array(readFileSync(photo)));
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
      const events = (await answer.text()).trim().split("\n\n");
      expect(events.length).toBeGreaterThan(2);
      expect(events[0]).toMatch(/^event: step\ndata: \{"step":0,"changes":\[\{/);
      expect(events.at(-1)).toMatch(/^event: done\ndata: \{"text":"\w+ /);

      const broken = await ask(new TextEncoder().encode("/etc/hostname"));
      expect(broken.status).toBe(400);
      expect(await broken.json()).toMatchObject({ code: "unreadable_picture" });
    } finally {
      server.child.kill("SIGTERM");
    }
    expect(await server.done).toMatchObject({ status: 0, stderr: "" });
  });

  test("worker: answers every line, also for what is not there, and its event loop was free", async () => {
    const input = `${photo}\nno-such.jpg\n`;
    const { status, stdout, stderr } = await startProgram(process.execPath, [at("examples/worker/worker.mjs")], {
      input,
    }).done;
    expect(status, stderr).toBe(0);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(answers).toHaveLength(2);
    expect(answers).toContainEqual({
      path: photo,
      text: expect.stringMatching(/\w+ \w+/),
      seconds: expect.any(Number),
    });
    expect(answers).toContainEqual({
      path: "no-such.jpg",
      code: "file_not_found",
      error: expect.stringContaining("no-such.jpg"),
    });
    expect(stderr).toMatch(/^longest wait of the event loop: \d+ ms\n$/);
  });
});

/** What the two below ask of the library; a model that knows one picture. */
const picture = new TextEncoder().encode("a picture");
const answer = { text: "a cat", seconds: 1 };

test("next: the route answers requests, and a module that is loaded anew has the same model", async () => {
  const startModel = vi.fn(async () => ({
    describe: async (bytes: ArrayBuffer) => {
      if (Buffer.from(bytes).equals(picture)) return answer;
      throw new UserError("no picture", "Send one.", { code: "unreadable_picture" });
    },
  }));
  startModel.mockRejectedValueOnce(new UserError("no memory", undefined, { code: "not_enough_memory" }));
  vi.doMock("rediff", () => ({ startModel, UserError }));
  const route = z.object({ POST: z.custom<(request: Request) => Promise<Response>>() });
  const post = async (body: Uint8Array<ArrayBuffer>, headers = {}) => {
    vi.resetModules();
    const { POST } = route.parse(await import(at("examples/next/app/api/describe/route.ts")));
    const { status, body: said } = await POST(new Request("http://127.0.0.1/", { method: "POST", body, headers })).then(
      async (response) => ({ status: response.status, body: (await response.json()) as unknown }),
    );
    return [status, said];
  };
  expect(await post(picture)).toEqual([400, { code: "not_enough_memory", message: "no memory" }]);
  expect(await post(picture)).toEqual([200, answer]);
  expect(await post(new TextEncoder().encode("nothing"))).toEqual([
    400,
    { code: "unreadable_picture", message: "no picture", hint: "Send one." },
  ]);
  expect(await post(picture, { "content-length": String(2 ** 30) })).toMatchObject([413, { code: "too_large" }]);
  expect(startModel).toHaveBeenCalledTimes(2); // the first of which failed
});

test("electron: the main process answers the page, says what is no picture, and closes the model", async ({
  folder,
}) => {
  cpSync(at("examples/electron"), join(folder, "app"), { recursive: true });
  const module = (name: string, code: string) => {
    mkdirSync(join(folder, "node_modules", name), { recursive: true });
    writeFileSync(join(folder, "node_modules", name, "package.json"), '{"type": "module", "exports": "./index.js"}');
    writeFileSync(join(folder, "node_modules", name, "index.js"), code);
  };
  module(
    "rediff",
    `export class UserError extends Error { code = "unreadable_picture"; }
     export const startModel = async () => ({
       async describe(bytes, { onTrace }) {
         if (Buffer.from(bytes).toString() !== "a picture") throw new UserError("no picture");
         onTrace({ step: 0, changes: [] });
         return ${JSON.stringify(answer)};
       },
       close: async () => console.log("model closed"),
     });`,
  );
  // Electron in a few lines: a page that asks for a picture, for none and for a path, and a user who then leaves.
  module(
    "electron",
    `import { readFileSync } from "node:fs";
     const handlers = new Map(), listeners = new Map(), steps = [];
     const sender = { isDestroyed: () => false, send: (_, step) => void steps.push(step) };
     export const ipcMain = { handle: (name, handler) => handlers.set(name, handler) };
     export const app = {
       whenReady: async () => undefined,
       on: (name, listener) => listeners.set(name, listener),
       quit() {
         let stays = false;
         listeners.get("will-quit")({ preventDefault: () => { stays = true; } });
         console.log(stays ? "not yet" : "quit");
       },
     };
     export class BrowserWindow {
       constructor({ webPreferences }) { readFileSync(webPreferences.preload); }
       async loadFile(path) {
         readFileSync(path);
         const ask = (picture) => handlers.get("describe")({ sender }, picture);
         console.log(JSON.stringify(await ask(Buffer.from("a picture"))), JSON.stringify(steps));
         console.log(JSON.stringify(await ask(Buffer.from("nothing"))));
         await ask("photo.jpg").catch((error) => console.log(error.message));
         listeners.get("window-all-closed")();
       }
     }`,
  );
  const { status, stdout, stderr } = await startProgram(process.execPath, ["app/main.mjs"], { cwd: folder }).done;
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout.trim().split("\n")).toEqual([
    '{"text":"a cat"} [{"step":0,"changes":[]}]',
    '{"code":"unreadable_picture","error":"no picture"}',
    "describe: expected the bytes of a picture",
    "not yet",
    "model closed",
    "quit",
  ]);
});
