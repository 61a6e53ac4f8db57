// The server under load: what decoding together is worth, and a minute of clients of all kinds.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import sharp from "sharp";
import { conditions, median, speedup, spread, table } from "./report.mjs";
import { LOAD_MIX, runLoad } from "./serve-load.mjs";

const TOGETHER = 8;
const ANSWERS = 4 * TOGETHER;
/** One, as the models were measured, and so many that the time beside the model counts. */
const TOKENS_PER_STEP = [1, 4];
const WANTED_GAIN = 3;
/** Of the embedded model's widest product; `prompt`: the rows of a question and its picture. */
const EMBEDDED_SHAPE = { hidden: 128, intermediate: 384, prompt: 62 };
const PROGRAM = join(import.meta.dirname, "../packages/rediff/bin/rediff.mjs");

/**
 * @param {{ model?: string, threads: number, repeats: number, clients: number, seconds: number, genLength: number,
 *   verbose: boolean, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }[]>}
 */
export async function benchServe(options) {
  const server = await startServer(options);
  try {
    const throughput = await benchThroughput(server, options);
    if (options.model === undefined) throughput.text += `\n\n${await productRates(options)}`;
    const load = await benchLoad(server, options);
    return [throughput, load];
  } finally {
    await server.stop();
  }
}

async function startServer({ model, threads, verbose, log }) {
  const args = ["serve", "--port", "0", "--batch", String(TOGETHER)];
  if (threads !== undefined) args.push("--threads", String(threads));
  const child = spawn(process.execPath, [PROGRAM, ...args, ...(model === undefined ? [] : ["--model", model])], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = [];
  createInterface({ input: child.stderr }).on("line", (line) => (verbose ? log(line) : said.push(line)));
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "exit");
  const [url] = await Promise.race([
    once(lines, "line"),
    ended.then(() => {
      throw new Error(`rediff serve ended:\n${said.slice(-5).join("\n")}`);
    }),
  ]);
  const { data } = await (await fetch(`${url}/v1/models`)).json();
  const picture = await sharp({ create: { width: 96, height: 96, channels: 3, background: "#7ece86" } })
    .png()
    .toBuffer();
  return {
    url,
    model: data[0],
    pictureUrl: `data:image/png;base64,${picture.toString("base64")}`,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const question = ({ pictureUrl }, genLength) => ({
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: pictureUrl } },
        { type: "text", text: "Please describe the image in detail." },
      ],
    },
  ],
  max_tokens: genLength,
});

/** The same requests, one after the other and so many at once, in turns. */
async function benchThroughput(server, { repeats, genLength, threads }) {
  const rows = [["tokens per step", "1 client, answers/s", `${TOGETHER} clients, answers/s`, "gain"]];
  const gains = [];
  for (const tokensPerStep of TOKENS_PER_STEP) {
    const body = JSON.stringify({ ...question(server, genLength), tokens_per_step: tokensPerStep });
    const { alone, together } = await compareClients(server, body, repeats);
    const rate = (list) =>
      spread(
        list.map((seconds) => ANSWERS / seconds),
        1,
      );
    gains.push(median(alone) / median(together));
    rows.push([String(tokensPerStep), rate(alone), rate(together), speedup(alone, together)]);
  }
  const settings = [`model ${server.model.id}, ${threadText(threads)}, ${ANSWERS} answers of ${genLength} tokens`];
  return {
    name: "serve:throughput",
    title: "Serving: decoding together",
    text: `${table(rows)}\n\n${conditions([], settings)}. ${repeats} runs of each in turns; all answers are equal.`,
    ok: Math.max(...gains) >= WANTED_GAIN,
  };
}

/** Seconds for all answers, per run. */
async function compareClients(server, body, repeats) {
  const ask = async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(answer.error.message);
    return answer.choices[0].message.content;
  };
  const first = await ask();
  const timed = async (clients) => {
    const started = performance.now();
    let left = ANSWERS;
    const client = async () => {
      while (left-- > 0) if ((await ask()) !== first) throw new Error("an answer depends on its batch");
    };
    await Promise.all(Array.from({ length: clients }, client));
    return (performance.now() - started) / 1000;
  };
  await timed(TOGETHER);
  const [alone, together] = [[], []];
  for (let i = 0; i < repeats; i++) {
    alone.push(await timed(1));
    together.push(await timed(TOGETHER));
  }
  return { alone, together };
}

/** What bounds the gain: how much faster a matrix product of this model runs with the rows of eight requests than with
 *  those of one. Where one request's rows already keep the processor busy, decoding together has nothing to win. */
async function productRates({ threads, genLength }) {
  const { linear, randn, scope, setThreads } = await import("../packages/torch/dist/index.js");
  if (threads !== undefined) setThreads(threads);
  const { hidden, intermediate, prompt } = EMBEDDED_SHAPE;
  const rows = prompt + genLength;
  const rate = (count) =>
    scope(() => {
      const input = randn([count, hidden], { dtype: "bfloat16" });
      const weight = randn([intermediate, hidden], { dtype: "bfloat16" });
      const seconds = Array.from({ length: 7 }, () => {
        const started = performance.now();
        for (let i = 0; i < 1000; i++) scope(() => void linear(input, weight));
        return (performance.now() - started) / 1000;
      });
      return (2 * 1000 * count * hidden * intermediate) / median(seconds) / 1e9;
    });
  const [one, several] = [rate(rows), rate(TOGETHER * rows)];
  return `A product [rows, ${hidden}] x [${hidden}, ${intermediate}] in bfloat16 on this machine: ${one.toFixed(0)} GFLOP/s with the ${rows} rows of one request, ${several.toFixed(0)} with those of ${TOGETHER} (${(several / one).toFixed(2)}x): no more than that can come from the model's own work.`;
}

async function benchLoad(server, { clients, seconds, genLength, threads }) {
  const before = await metric(server.url, "rediff_live_tensors");
  const earlier = await forwards(server.url);
  const report = await runLoad({ url: server.url, request: question(server, genLength), clients, seconds });
  while ((await metric(server.url, "rediff_running_requests")) > 0) await new Promise((done) => setTimeout(done, 50));
  await new Promise((done) => setTimeout(done, 500));
  const after = await metric(server.url, "rediff_live_tensors");
  const restarts = await metric(server.url, "rediff_model_restarts");
  const [requests, passes] = await forwards(server.url);
  const perForward = (requests - earlier[0]) / (passes - earlier[1]);
  const number = (value) => value.toFixed(value < 10 ? 2 : 0);
  const rows = [
    ["measured", ""],
    [
      "answers",
      `${report.answers} (${number(report.answers / seconds)}/s, ${number(report.tokens / seconds)} tokens/s)`,
    ],
    ["latency of answers, ms", `p50 ${number(report.latency.p50)}, p95 ${number(report.latency.p95)}`],
    ["first text of streams, ms", `p50 ${number(report.firstText.p50)}, p95 ${number(report.firstText.p95)}`],
    [
      "/health, ms",
      `p50 ${number(report.health.p50)}, p99 ${number(report.health.p99)}, worst ${number(report.health.worst)}`,
    ],
    ["clients that left", report.left],
    ["bad requests, all refused as they should be", report.refused],
    ["failures", report.failures.length],
    ["requests in a forward pass", number(perForward)],
    ["live tensors before, after", `${before}, ${after}`],
  ];
  const mix = Object.entries(LOAD_MIX)
    .map(([kind, share]) => `${Math.round(share * 100)}% ${kind}`)
    .join(", ");
  const ok = report.failures.length === 0 && before === after && restarts === 0 && report.health.p99 < 50;
  return {
    name: "serve:load",
    title: `Serving: ${clients} clients for ${seconds} seconds`,
    text: `${table(rows)}\n\n${conditions([], [`model ${server.model.id}, ${threadText(threads)}, answers of ${genLength} tokens; ${mix}`])}.${report.failures
      .slice(0, 5)
      .map((failure) => `\n- ${failure}`)
      .join("")}`,
    ok,
  };
}

const threadText = (threads) => (threads === undefined ? "as many threads as cores" : `${threads} threads`);

/** Requests in all forward passes together, and how many passes. */
const forwards = async (url) => [
  await metric(url, "rediff_forward_requests_sum"),
  await metric(url, "rediff_forward_requests_count"),
];

async function metric(url, name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1],
  );
}
