/** What clients send without being asked: null for all that nobody set, fields that change nothing, neutral values of
 *  other servers, an answer's message sent back. All of it is taken, and what would change an answer is refused with what
 *  to use instead. */
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt, pictureUrl, post, startTestServer, type TestServer } from "./testing/start.js";

const CHAT = "/v1/chat/completions";
const say = (content: unknown, extra: object = {}) => ({ messages: [{ role: "user", content }], ...extra });
const image = (extra: object = {}) => ({ type: "image_url", image_url: { url: pictureUrl(), ...extra } });
const text = (words: string, extra: object = {}) => ({ type: "text", text: words, ...extra });

type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;
/** Every field of the official client's; the compiler says when it has one more. */
const nothingSet = {
  audio: null,
  frequency_penalty: null,
  function_call: null,
  functions: null,
  logit_bias: null,
  logprobs: null,
  max_completion_tokens: null,
  max_tokens: null,
  metadata: null,
  modalities: null,
  model: null,
  moderation: null,
  n: null,
  parallel_tool_calls: null,
  prediction: null,
  presence_penalty: null,
  prompt_cache_key: null,
  prompt_cache_options: null,
  prompt_cache_retention: null,
  reasoning_effort: null,
  response_format: null,
  safety_identifier: null,
  seed: null,
  service_tier: null,
  stop: null,
  store: null,
  stream: null,
  stream_options: null,
  temperature: null,
  tool_choice: null,
  tools: null,
  top_logprobs: null,
  top_p: null,
  user: null,
  verbosity: null,
  web_search_options: null,
} satisfies Record<Exclude<keyof Params, "messages">, null>;

interface Answer {
  choices: { message: object }[];
  error: { message: string; param: string; code: string };
}

describe.skipIf(!isBuilt)("clients by habit", () => {
  let started: TestServer;
  beforeAll(async () => {
    started = await startTestServer();
  });
  afterAll(() => started[Symbol.asyncDispose]());
  const ask = async (body: object, path = CHAT) => {
    const { status, body: answer } = await post(started.url, path, body);
    return { status, ...(answer as Answer) };
  };
  const few = { max_tokens: 2 };

  test.each<[string, unknown[]]>([
    ["before a picture", [text(""), image(), text("hi")]],
    ["behind it", [image(), text(""), text("hi")]],
    ["at the end", [image(), text("hi"), text("")]],
    ["on both sides", [text(""), image(), text("hi"), text("")]],
  ])("an empty text %s asks for nothing", async (_, content) => {
    const system = (words: unknown) => ({ messages: [{ role: "system", content: words }, ...say(content).messages] });
    const plain = { messages: [{ role: "system", content: "s" }, ...say([image(), text("hi")]).messages] };
    const usage = async (body: object) => (await ask({ ...body, ...few })) as { usage?: object; choices: object[] };
    const [empty, without] = [await usage(system([text("s"), text("")])), await usage(plain)];
    expect(empty.usage).toEqual(without.usage);
    expect(empty.choices).toEqual(without.choices);
  });

  test.each<[string, object]>([
    ["null for every field", say("hi", nothingSet)],
    [
      "null in a message, a part, its picture, the stream's options",
      {
        messages: [
          { role: "system", content: "s", name: null, refusal: null, tool_calls: null },
          {
            role: "user",
            content: [{ ...image({ detail: null }), text: null }, text("hi", { image_url: null, annotations: null })],
            tool_call_id: null,
            tool_calls: null,
          },
        ],
        stream_options: { include_usage: null, include_obfuscation: null },
        ...few,
      },
    ],
    [
      "an answer's message sent back as it came, and as other servers write it",
      {
        messages: [
          { role: "user", content: "a" },
          {
            role: "assistant",
            content: "b",
            refusal: null,
            annotations: [],
            audio: null,
            function_call: null,
            tool_calls: [],
            reasoning_content: null,
            reasoning: "",
          },
          { role: "user", content: "c" },
        ],
        ...few,
      },
    ],
    ["null for fields that nobody knows asks for nothing either", say("hi", { ...few, some_extension: null })],
    ...["flex", "scale", "priority", "default", "auto"].map((tier): [string, object] => [
      `service_tier ${tier}`,
      say("hi", { ...few, service_tier: tier }),
    ]),
    ...["none", "minimal", "low", "medium", "high", "xhigh", "max"].map((effort): [string, object] => [
      `reasoning_effort ${effort}`,
      say("hi", { ...few, reasoning_effort: effort }),
    ]),
    ...["auto", "low", "high", "original"].map((detail): [string, object] => [
      `detail ${detail}`,
      say([image({ detail }), text("hi")], few),
    ]),
    [
      "what a cache may be told",
      say([text("hi", { prompt_cache_breakpoint: { mode: "explicit" }, cache_control: { type: "ephemeral" } })], {
        ...few,
        verbosity: "low",
        prompt_cache_key: "k",
        prompt_cache_retention: "24h",
        prompt_cache_options: { mode: "implicit", ttl: "30m" },
      }),
    ],
    [
      "neutral values of OpenAI's",
      say("hi", {
        ...few,
        n: 1,
        top_p: 1,
        presence_penalty: 0,
        frequency_penalty: 0.0,
        logprobs: false,
        top_logprobs: 0,
        logit_bias: {},
        tools: [],
        tool_choice: "auto",
        response_format: { type: "text" },
        modalities: ["text"],
        store: false,
        metadata: {},
        stop: [],
        parallel_tool_calls: true,
        user: "me",
      }),
    ],
    [
      "vLLM's",
      say("hi", {
        ...few,
        best_of: 1,
        use_beam_search: false,
        top_k: -1,
        min_p: 0,
        repetition_penalty: 1,
        length_penalty: 1,
        stop_token_ids: [],
        ignore_eos: false,
        min_tokens: 0,
        skip_special_tokens: true,
        spaces_between_special_tokens: true,
        add_generation_prompt: true,
        continue_final_message: false,
        include_stop_str_in_output: false,
        chat_template_kwargs: { enable_thinking: false },
        priority: 0,
        guided_json: null,
        echo: false,
      }),
    ],
    [
      "SGLang's and TGI's",
      say("hi", {
        ...few,
        top_k: 0,
        min_p: 0.0,
        regex: null,
        ebnf: null,
        no_stop_trim: false,
        separate_reasoning: true,
        stream_reasoning: true,
        chat_template_kwargs: {},
        typical_p: 1,
      }),
    ],
    [
      "cuts of a distribution from which the likeliest is taken",
      say("hi", { ...few, temperature: 0, top_p: 0.9, top_k: 40, min_p: 0.05 }),
    ],
  ])("%s", async (_, body) => {
    expect(await ask(body)).toMatchObject({ status: 200 });
  });

  test("an answer does not depend on what has no effect", async () => {
    const plain = await ask(say([image(), text("What is it?")], { max_tokens: 8 }));
    const decorated = await ask(
      say([image({ detail: "low" }), text("What is it?")], {
        max_tokens: 8,
        service_tier: "flex",
        reasoning_effort: "high",
        verbosity: "low",
        temperature: 0,
        top_p: 0.1,
        top_k: 3,
      }),
    );
    expect(decorated.choices[0]?.message).toEqual(plain.choices[0]?.message);
  });

  test.each<[object, string, RegExp]>([
    [{ tools: [{ type: "function", function: { name: "f" } }] }, "tools", /the model knows no tools/],
    [{ tool_choice: "required" }, "tool_choice", /other than "none" or "auto"/],
    [{ audio: { voice: "alloy", format: "wav" } }, "audio", /does not speak/],
    [{ prediction: { type: "content", content: "x" } }, "prediction", /\/v1\/refine/],
    [{ web_search_options: {} }, "web_search_options", /searches nowhere/],
    [{ modalities: ["text", "audio"] }, "modalities[1]", /other than "text"/],
    [{ moderation: { model: "m" } }, "moderation", /moderated/],
    [{ logprobs: true }, "logprobs", /diffusion_trace/],
    [{ top_logprobs: 3 }, "top_logprobs", /diffusion_trace/],
    [{ response_format: { type: "json_object" } }, "response_format.type", /\/v1\/fill/],
    [{ guided_json: { type: "object" } }, "guided_json", /\/v1\/fill/],
    [{ n: 2 }, "n", /another seed/],
    [{ top_p: 0.5 }, "top_p", /lower the temperature.*temperature 0 it may be sent/],
    [{ top_k: 5, temperature: 0.7 }, "top_k", /lower the temperature/],
    [{ min_p: 0.1, temperature: 1 }, "min_p", /lower the temperature/],
    [{ repetition_penalty: 1.1 }, "repetition_penalty", /other than 1/],
    [{ logit_bias: { 50256: -100 } }, "logit_bias.50256", /other than 0/],
    [{ ignore_eos: true }, "ignore_eos", /ends the answer/],
    [{ chat_template_kwargs: { enable_thinking: true } }, "chat_template_kwargs.enable_thinking", /other than false/],
  ])("%j is refused: %s", async (extra, param, message) => {
    const { status, error } = await ask(say("x", { ...few, ...extra }));
    expect([status, error.param, error.code]).toEqual([400, param, "unsupported_parameter"]);
    expect(error.message).toMatch(message);
  });

  test.each<[object, string, RegExp]>([
    [
      say(null),
      "messages[0].content",
      /expected a string or a list of parts \(text, image_url, video_url\), got nothing/,
    ],
    [say(5), "messages[0].content", /expected a string or a list of parts .*, got 5/],
    [say([]), "messages[0].content", /at least 1 of them/],
    [say([5]), "messages[0].content[0]", /expected an object, got 5/],
    [say([{ type: "text", text: 5 }]), "messages[0].content[0].text", /expected a string, got 5/],
    [
      say([{ type: "image_url", image_url: "data:" }]),
      "messages[0].content[0].image_url",
      /expected \{"url": "data:image/,
    ],
    [say([{ type: "input_audio" }]), "messages[0].content[0].type", /text, image_url or video_url/],
    [{ messages: [{ role: "system", content: 5 }] }, "messages[0].content", /a string or a list of text parts, got 5/],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].role", /system, developer, user or assistant/],
    [{ messages: [{ content: "x" }] }, "messages[0].role", /system, developer, user or assistant/],
    [say("x", { stop: 5 }), "stop", /expected a string or a list of at most 4 strings, got 5/],
    [say("x", { stop: [..."abcde"] }), "stop", /at most 4/],
    [say("x", { stop: [""] }), "stop[0]", /not empty/],
    [say("x", { max_tokens: "12" }), "max_tokens", /a (whole )?number, got "12"/],
    [say("x", { max_tokens: 0 }), "max_tokens", /1 or more, or nothing for the model's usual length, got 0/],
    [say("x", { remasking: "best" }), "remasking", /expected low_confidence, random, got "best"/],
    [say("x", { temperature: 3 }), "temperature", /at most 2, got 3/],
    [say("x", { max_new_tokens: 5 }), "max_new_tokens", /unknown field max_new_tokens; did you mean max_tokens\?/],
    [say("x", { tokensPerStep: 5 }), "tokensPerStep", /did you mean tokens_per_step\?/],
    [say("x", { blok_length: 5 }), "blok_length", /did you mean block_length\?/],
    [say("x", { something_else: 5 }), "something_else", /^unknown field something_else$/],
  ])("what was expected is said: %j", async (body, param, message) => {
    const { status, error } = await ask(body);
    expect([status, error.param]).toEqual([400, param]);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/Invalid input/);
  });

  test.each<[string, object, string]>([
    [CHAT, say("x", { block_length: 3 }), "block_length"],
    [CHAT, say("x", { max_tokens: 8, block_length: 4, steps: 3 }), "steps"],
    [CHAT, say("x", { steps: 2, tokens_per_step: 2 }), "tokens_per_step"],
    [CHAT, say("x", { steps: 2, threshold: 0.5 }), "threshold"],
    [CHAT, say("x", { threshold: 0.5, remasking: "random" }), "threshold"],
    ["/v1/refine", { image: pictureUrl(), draft: "a", threshold: 2 }, "threshold"],
    ["/v1/refine", { image: pictureUrl(), draft: "a", rounds: 0.5 }, "rounds"],
    ["/v1/fill", { template: "no blank" }, "template"],
    ["/v1/fill", { template: "[[1]]", steps: 2, threshold: 0.5 }, "threshold"],
    [CHAT, say("x", { entropy_bound: 1, factor: 1 }), "entropy_bound"],
    [CHAT, say("x", { rule: "joint", revise_topk: 0.5 }), "rule"],
    ["/v1/fill", { template: "[[1]]", rule: "schedule", post_edit_steps: 2 }, "post_edit_steps"],
    ["/v1/fill", { template: "[[3]]", gen_length: 3 }, "gen_length"],
    [CHAT, say("x", { refresh_every: 3 }), "refresh_every"],
    [CHAT, say("x", { cache: "fast-dllm", certify: true }), "certify"],
    [CHAT, say("x", { fast: true, steps: 8 }), "steps"],
    ["/v1/fill", { template: "[[3]]", fast: true, rule: "joint" }, "rule"],
    ["/v1/refine", { image: pictureUrl(), draft: "a", fast: true, cache: "none" }, "cache"],
  ])("%s %j: errors name the field in the API's words, wherever they arise", async (path, body, param) => {
    const { status, error } = await ask(body, path);
    expect([status, error.param]).toEqual([400, param]);
    expect(error.message.replace(param, "")).not.toMatch(
      /--|gen_length|genLength|blockLength|tokensPerStep|Invalid input/,
    );
  });

  test("bodies in other clothes: one clear error each", async () => {
    const send = async (init: RequestInit) => {
      const response = await fetch(started.url + CHAT, { method: "POST", ...init });
      const { error } = (await response.json()) as Answer;
      return [response.status, error.code, error.message];
    };
    const json = { "content-type": "application/json" };
    const body = JSON.stringify(say("x"));
    expect(await send({ body, headers: { "content-type": "text/plain" } })).toEqual([
      415,
      "unsupported_media_type",
      'expected content-type application/json, got "text/plain"',
    ]);
    const form = new FormData();
    form.set("messages", "x");
    expect((await send({ body: form })).slice(0, 2)).toEqual([415, "unsupported_media_type"]);
    expect(await send({ body, headers: { ...json, "content-encoding": "gzip" } })).toEqual([
      415,
      "unsupported_media_type",
      'content-encoding "gzip" is not supported; send the body uncompressed',
    ]);
    expect(await send({ body: Uint8Array.of(0x1f, 0x8b, 8, 0, 1), headers: json })).toEqual([
      400,
      "invalid_json",
      "the body is compressed (gzip); send it uncompressed, as JSON",
    ]);
    expect(await send({ body: "", headers: json })).toEqual([400, "invalid_json", "the body is empty; expected JSON"]);
  });
});
