// Clients of all kinds at once: those that wait, those that read a stream, those that leave, those that ask nonsense.

/** Shares of what clients do. */
export const LOAD_MIX = { whole: 0.5, stream: 0.25, leave: 0.125, bad: 0.125 };

/** Each with the status it deserves. */
const BAD = [
  ["{", 400],
  [JSON.stringify({ messages: [] }), 400],
  [JSON.stringify({ messages: [{ role: "user", content: "x" }], n: 2 }), 400],
  [JSON.stringify({ messages: [{ role: "user", content: "x" }], model: "none" }), 404],
  [
    JSON.stringify({
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }],
    }),
    400,
  ],
  [JSON.stringify({ messages: [{ role: "user", content: "x" }], steps: 3, max_tokens: 8, block_length: 4 }), 400],
];

/**
 * @param {{ url: string, request: object, clients: number, seconds: number }} options
 */
export async function runLoad({ url, request, clients, seconds }) {
  const end = performance.now() + seconds * 1000;
  const isOver = () => performance.now() >= end;
  const report = { answers: 0, tokens: 0, left: 0, refused: 0, failures: [] };
  const [latency, firstText, health] = [[], [], []];
  const post = (body, signal) =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal,
    });

  const kinds = {
    async whole() {
      const started = performance.now();
      const response = await post(JSON.stringify(request));
      const answer = await response.json();
      if (response.status !== 200) throw new Error(`status ${response.status}: ${answer.error?.message}`);
      latency.push(performance.now() - started);
      report.tokens += answer.usage.completion_tokens;
      report.answers++;
    },
    async stream() {
      const started = performance.now();
      const response = await post(
        JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
      );
      if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`);
      let [text, first] = ["", undefined];
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (first === undefined && /"content":"[^"]/.test(text)) first = performance.now() - started;
      }
      if (!text.endsWith("data: [DONE]\n\n")) throw new Error(`a stream ended with ${text.slice(-200)}`);
      if (first !== undefined) firstText.push(first);
      latency.push(performance.now() - started);
      report.tokens += Number(/"completion_tokens":(\d+)/.exec(text)?.[1] ?? 0);
      report.answers++;
    },
    async leave() {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), Math.random() * 200);
      try {
        const response = await post(JSON.stringify({ ...request, stream: Math.random() < 0.5 }), controller.signal);
        await response.text();
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      }
      report.left++;
    },
    async bad() {
      const [body, expected] = BAD[Math.floor(Math.random() * BAD.length)];
      const response = await post(body);
      const { error } = await response.json();
      if (response.status !== expected || typeof error?.message !== "string")
        throw new Error(`expected ${expected} for ${body.slice(0, 80)}, got ${response.status}`);
      report.refused++;
    },
  };

  async function client() {
    while (!isOver()) {
      const kind = drawKind();
      await kinds[kind]().catch((error) => report.failures.push(`${kind}: ${error.message}`));
    }
  }
  async function watchHealth() {
    while (!isOver()) {
      const started = performance.now();
      const response = await fetch(`${url}/health`).catch((error) => error);
      if (response.status !== 200) report.failures.push(`/health: ${response.status ?? response.message}`);
      await response.text?.();
      health.push(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  await Promise.all([watchHealth(), ...Array.from({ length: clients }, client)]);
  return { ...report, latency: percentiles(latency), firstText: percentiles(firstText), health: percentiles(health) };
}

function drawKind() {
  let rest = Math.random();
  for (const [kind, share] of Object.entries(LOAD_MIX)) {
    if (rest < share) return kind;
    rest -= share;
  }
  return "whole";
}

function percentiles(values) {
  const sorted = values.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), worst: at(1) };
}
