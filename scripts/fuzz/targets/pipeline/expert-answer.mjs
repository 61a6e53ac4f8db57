// @ts-check
import { TransientError } from "../../../../packages/rediff/dist/network/transient-error.js";
import { readAnswer } from "../../../../packages/rediff/dist/pipeline/expert/expert-answer.js";
import { RejectedDraft, refusal } from "../../../../packages/rediff/dist/pipeline/expert/expert-refusal.js";
import { json, textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const asked = { url: new URL("http://127.0.0.1:1/v1/chat/completions"), model: "expert", apiKeyName: "KEY" };
const message = { role: "assistant", content: "right" };

export default defineTarget({
  covers: ["pipeline/expert/expert-answer.js", "pipeline/expert/expert-refusal.js"],
  seeds: [
    json({
      id: "1",
      model: "m",
      choices: [{ message, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 1 },
    }),
    json({ choices: [{ message: { content: [{ type: "text", text: "a" }], refusal: "no" } }] }),
    json({ error: { message: "rate limit", type: "requests", code: "rate_limit_exceeded" } }),
    json({ detail: [{ loc: ["body"], msg: "field required" }] }),
    utf8("<html>502 Bad Gateway</html>"),
  ],
  dictionary: [
    '"choices"',
    '"message"',
    '"content"',
    '"error"',
    '"usage"',
    '"detail"',
    "null",
    "[",
    "{",
    "}",
    "]",
    "1e999",
    '"insufficient_quota"',
  ],
  refusals: [TransientError, RejectedDraft],
  run(input) {
    const body = textOf(input);
    for (const status of [302, 400, 401, 403, 404, 413, 429, 500]) {
      const error = refusal({ status, headers: { "retry-after": body.slice(0, 20) }, body }, asked);
      if (error.message.includes("\n")) throw error;
    }
    return readAnswer({ status: 200, headers: {}, body });
  },
});
