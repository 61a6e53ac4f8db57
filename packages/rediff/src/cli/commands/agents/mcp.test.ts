/** The command as an agent starts it, asked by the protocol's own client. */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { type CallToolResult, CallToolResultSchema, type Progress } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { until } from "../../../serving/testing/start.js";
import { program, rediffHere } from "../../../testing/command-line.js";
import { folderOfFile } from "../../../testing/folders.js";
import { applyEdits } from "../../../text/text-edits.js";
import { blackPng } from "../../../vision/fixtures/hostile-pictures.js";
import { fixturePath } from "../../../vision/fixtures/pillow.js";

const isBuilt = existsSync(fileURLToPath(new URL("../../../../dist/cli/main.js", import.meta.url)));
const { at, path: folder } = folderOfFile();
const photo = readFileSync(fixturePath("color.jpg"));
const base64 = photo.toString("base64");
/** Of a call: a test has a time limit of its own, and the machine may be busy. */
const patience = { timeout: 600_000 };

const client = new Client({ name: "test", version: "1" });
let transport: StdioClientTransport;
let stderr = "";
const notProtocol: Error[] = [];

beforeAll(async () => {
  if (!isBuilt) return;
  writeFileSync(at("photo.jpg"), photo);
  writeFileSync(at("text.txt"), "no picture");
  writeFileSync(at("large.png"), blackPng(2000, 2000));
  symlinkSync(fixturePath("color.jpg"), at("link.jpg"));
  transport = new StdioClientTransport({
    command: process.execPath,
    args: [program, "mcp", "--threads", "1", "--batch", "1", "--max-pixels", "1000000", "--heartbeat-timeout", "600"],
    cwd: folder,
    env: { ...(process.env as Record<string, string>), OMP_NUM_THREADS: "1" },
    stderr: "pipe",
  });
  transport.stderr?.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  client.onerror = (error) => void notProtocol.push(error);
  await client.connect(transport, patience);
});
afterAll(() => client.close());

const call = async (name: string, input: Record<string, unknown>, options = {}): Promise<CallToolResult> =>
  CallToolResultSchema.parse(
    await client.callTool({ name, arguments: input }, CallToolResultSchema, { ...patience, ...options }),
  );

const textOf = ({ content }: CallToolResult): string => content.map((part) => ("text" in part ? part.text : "")).join();

test.skipIf(!isBuilt)("the tools say what they take and give", async () => {
  const { tools } = await client.listTools(undefined, patience);
  expect(tools.map(({ name }) => name)).toEqual(["describe", "refine", "fill"]);
  for (const { description, inputSchema, outputSchema } of tools) {
    expect(description).toMatch(/\w/);
    expect(inputSchema).toMatchObject({ additionalProperties: false, properties: { path: { type: "string" } } });
    expect(outputSchema).toMatchObject({ properties: { text: { type: "string" } } });
  }
});

test.skipIf(!isBuilt)("describe: a picture by its path, with progress", async () => {
  const told: Progress[] = [];
  const answer = await call(
    "describe",
    { path: "photo.jpg", gen_length: 12 },
    { onprogress: (progress: Progress) => void told.push(progress) },
  );
  expect(answer.structuredContent).toMatchObject({ text: textOf(answer), steps: expect.any(Number), unread: [] });
  expect(textOf(answer)).toMatch(/\w/);
  expect(told.length).toBeGreaterThan(0);
  const counts = told.map(({ progress }) => progress);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(told.at(-1)?.total).toBe(12);
});

test.skipIf(!isBuilt)("refine: the changes, put into the text, are the corrected text", async () => {
  const text = "A red cat sits on the sofa.";
  const answer = await call("refine", { base64, text, rounds: 2 });
  const { changes, text: corrected } = z
    .object({
      text: z.string(),
      changes: z.array(
        z.object({ start: z.number(), end: z.number(), from: z.string(), to: z.string(), confidence: z.number() }),
      ),
    })
    .parse(answer.structuredContent);
  expect(applyEdits(text, changes)).toBe(corrected);
  for (const { confidence } of changes) expect(confidence).toBeLessThanOrEqual(1);
});

test.skipIf(!isBuilt)("fill: with a picture as a data: URL, and without any", async () => {
  for (const picture of [{ url: `data:image/jpeg;base64,${base64}` }, {}]) {
    const answer = await call("fill", { ...picture, text: "there is a [[1]] here" });
    expect(textOf(answer)).toMatch(/^there is a .* ?here$/);
    expect(answer.structuredContent).toMatchObject({ blanks: [{ start: 11 }] });
  }
});

test.skipIf(!isBuilt)("what is wrong is an error of the tool, with its code and what to do", async () => {
  const cases: [string, Record<string, unknown>, string, RegExp][] = [
    ["describe", { path: "../outside.jpg" }, "path_not_allowed", /none of the folders.*\nRemedy: .*--allow DIR/s],
    ["describe", { path: "/etc/passwd" }, "path_not_allowed", /none of the folders/],
    ["describe", { path: "link.jpg" }, "path_not_allowed", /none of the folders/],
    ["describe", { path: "none.jpg" }, "file_not_found", /none\.jpg/],
    ["describe", { path: "text.txt" }, "unreadable_picture", /picture/],
    ["describe", { path: "large.png" }, "unreadable_picture", /2000 x 2000 pixels; at most 1000000/],
    ["describe", { base64: "no*base64" }, "unreadable_picture", /not base64/],
    ["describe", { url: "https://example.com/a.jpg" }, "url_not_allowed", /--allow-urls/],
    ["describe", {}, "invalid_input", /no picture was given/],
    ["describe", { path: "photo.jpg", base64 }, "invalid_input", /path and base64 exclude each other/],
    [
      "describe",
      { path: "photo.jpg", gen_length: 1_000_000 },
      "context_length_exceeded",
      /the answer 1000000, together more than .* positions\. .* a smaller gen_length/,
    ],
    ["fill", { text: "no blank" }, "invalid_value", /has no blank/],
  ];
  for (const [name, input, code, message] of cases) {
    const answer = await call(name, input);
    expect(answer, JSON.stringify(input)).toMatchObject({ isError: true, _meta: { "rediff/error": { code } } });
    expect(textOf(answer)).toMatch(message);
    expect(textOf(answer).startsWith(`${code}: `)).toBe(true);
  }
  const unknown = await call("describe", { path: "photo.jpg", tokens: 3 });
  expect(unknown).toMatchObject({ isError: true });
  expect(textOf(unknown)).toMatch(/tokens/);
});

test.skipIf(!isBuilt)("a cancelled call ends, and the next one has its place", async () => {
  const leaving = new AbortController();
  const left = call(
    "describe",
    { path: "photo.jpg", gen_length: 200 },
    { signal: leaving.signal, onprogress: () => leaving.abort("enough") },
  );
  await expect(left).rejects.toThrow(/enough/);
  // There is one place, so whoever went on would keep it.
  expect((await call("describe", { path: "photo.jpg", gen_length: 2 })).isError).toBeUndefined();
});

test.skipIf(!isBuilt)("nothing but the protocol is on stdout; the client's end is the server's", async () => {
  const { pid } = transport;
  await client.close();
  // The client reads an answer before the progress that came with it, which is then of a call that it knows no more.
  expect(notProtocol.filter(({ message }) => !message.includes("for an unknown token"))).toEqual([]);
  expect(stderr).toMatch(/^rediff: no --model: the embedded model answers\./m);
  expect(stderr).not.toMatch(/\n {4}at /);
  await until(() => pid === null || !existsSync(`/proc/${pid}`));
});

test.skipIf(!isBuilt)("a folder that is none is told before anything begins", async () => {
  const { status, stdout, stderr: told } = await rediffHere("mcp", "--allow", at("nowhere"));
  expect([status, stdout]).toEqual([2, ""]);
  expect(told).toMatch(/nowhere/);
});
