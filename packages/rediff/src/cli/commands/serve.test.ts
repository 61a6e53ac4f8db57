import { createServer } from "node:net";
import { beforeAll, expect, test } from "vitest";
import { type Started, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";

const { at } = folderOfFile();
const model = at("tiny-rediff");
beforeAll(() => void writeTinyModel(model));

const serveModel = (folder: string, ...args: string[]) =>
  startRediff(["serve", "--model", folder, "--port", "0", "--threads", "1", ...args], { env: { REDIFF_API_KEY: "" } });
const serve = (...args: string[]) => serveModel(model, ...args);

/** The address is the only thing on standard output. */
const addressOf = ({ child }: Started) =>
  new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())));

test("prints its address, answers, and finishes what is under way when told to end", async () => {
  const started = await serve("--host", "127.0.0.1", "--access-log", "--request-timeout", "9.9999");
  const url = await addressOf(started);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string; rediff: object }[] };
  expect(data[0]).toMatchObject({ id: "tiny-rediff", rediff: { revises: true } });
  expect(data).toHaveLength(1);
  const answer = fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: "secret question" }], max_tokens: 120 }),
  });
  while (!/rediff_steps_total [1-9]/.test(await (await fetch(`${url}/metrics`)).text()));
  started.child.kill("SIGTERM");
  expect((await answer).status).toBe(200);
  const { status, stdout, stderr } = await started.done;
  expect([status, stdout]).toEqual([0, `${url}\n`]);
  expect(stderr).toMatch(/tiny-rediff is ready at http/);
  expect(stderr).toMatch(/ending; 1 requests to finish/);
  expect(stderr).toMatch(/POST \/v1\/chat\/completions 200 [\d.]+s/);
  expect(stderr).not.toContain("secret");
});

test("further models are named by --also, loaded when asked for, and the command is told without its key", async () => {
  const other = at("other");
  writeTinyModel(other, { seed: 3 });
  const key = { authorization: "Bearer KEY", "content-type": "application/json" };
  const started = await serve("--host", "127.0.0.1", "--also", `small=${other}`, "--api-key", "KEY");
  const url = await addressOf(started);
  const listed = await (await fetch(`${url}/v1/models`, { headers: key })).json();
  expect(listed).toMatchObject({ data: [{ id: "tiny-rediff" }, { id: "small", rediff: { revises: false } }] });
  const { command } = (listed as { rediff: { command: string } }).rediff;
  expect(command).toMatch(/^npx rediff serve --model .* --also small=.* --api-key \.\.\.$/);
  const body = JSON.stringify({ model: "small", messages: [{ role: "user", content: "hello" }], max_tokens: 4 });
  const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers: key, body });
  expect(await answer.json()).toMatchObject({ model: "small" });
  started.child.kill("SIGTERM");
  expect((await started.done).status).toBe(0);
});

test("--model may be given again: the first answers who names none", async () => {
  const other = at("another");
  writeTinyModel(other, { seed: 4 });
  const started = await serve("--model", `small=${other}`, "--models-memory", "4000", "--unload-after", "60");
  const url = await addressOf(started);
  const listed = await (await fetch(`${url}/v1/models`)).json();
  expect(listed).toMatchObject({ data: [{ id: "tiny-rediff" }, { id: "small" }] });
  started.child.kill("SIGTERM");
  expect((await started.done).status).toBe(0);
});

test("two models of one name are refused before anything is loaded", async () => {
  const { status, stderr } = await (await serve("--also", model)).done;
  expect(status).toBe(2);
  expect(stderr).toMatch(/two models are called tiny-rediff\. Name one of them: --also NAME=DIR, or --name NAME/);
});

test("told to end while the model is loading, it ends", async () => {
  const started = await serve();
  await new Promise<void>((resolve) =>
    started.child.stderr.on("data", (text) => String(text).includes("loading") && resolve()),
  );
  started.child.kill("SIGTERM");
  const { status, stderr } = await started.done;
  expect(status).toBe(0);
  expect(stderr).not.toMatch(/[Ww]arning|error/);
});

test("a port that is taken is one line with a remedy", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const { status, stderr } = await (await serve("--port", String(port))).done;
  other.close();
  expect(status).toBe(1);
  expect(stderr.split("\n").slice(-2)).toEqual([
    `rediff: port ${port} on 127.0.0.1 is in use. Choose another --port; 0 takes a free one`,
    "",
  ]);
});

test("a model that is damaged ends it; an open door is worth a word", async () => {
  const broken = at("broken");
  writeTinyModel(broken, { config: { num_hidden_layers: 9 } });
  const started = await serveModel(broken, "--host", "0.0.0.0");
  const { status, stdout, stderr } = await started.done;
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/--host 0.0.0.0 without --api-key: whoever reaches this port may use the model/);
  expect(stderr).toMatch(/rediff: .*missing/);
});

test.each([
  [["--api-key", ""], /--api-key .*must not be empty/],
  [["--name", " "], /--name .*must not be empty/],
  [["--cors-origin", "page.example"], /--cors-origin .*page\.example.*https:\/\/page\.example/],
  [["--cors-origin", "https://page.example/"], /--cors-origin .*must be \* or an origin/],
  [["--allow-host", "http://page.example"], /--allow-host .*without scheme and port/],
  [["--allow-host", "page.example:8080"], /--allow-host .*without scheme and port/],
  [["--allow-host", "*"], /--allow-host .*It must be a name or an address/],
  [["--request-timeout", "0.00001"], /--request-timeout .*seconds from 0.1 to 2000000/],
  [["--picture-timeout", "0"], /--picture-timeout .*seconds from 0.1 to/],
  [["--video-timeout", "a minute"], /--video-timeout .*must be a number/],
  [["--request-pixels", "0"], /--request-pixels/],
  [["--drain", "1e9"], /--drain .*seconds from 0 to 2000000/],
  [["--gen-length", "100000"], /--gen-length 100000 leaves no room for a question: .* positions/],
  [["--gen-length", "50", "--max-answer", "20"], /--gen-length 50 is more than --max-answer 20/],
])("%j would open the server, name nothing or never hold: refused before anything is loaded", async (args, message) => {
  const { status, stdout, stderr } = await (await serve(...args)).done;
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/loading/);
});
