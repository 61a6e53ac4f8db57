/** Fields of OpenAI's API, and of servers that speak it too (vLLM, SGLang, TGI), which clients send by habit.
 *
 *  Those that do not touch an answer do nothing. Those that would are taken where they ask for nothing (their neutral
 *  values, or empty), and are refused otherwise, with what to use instead. */
import { z } from "zod";

/** Messages begin so, by which bodies/schema-error.ts knows them. */
export const NOT_SUPPORTED = "not supported";

/** Takes neutral values only. @param instead what to use */
export function only<const V extends readonly (string | number | boolean)[]>(values: V, instead?: string) {
  const list = values.map((value) => JSON.stringify(value)).join(" or ");
  const error = `${NOT_SUPPORTED}, other than ${list}${instead === undefined ? "" : `: ${instead}`}`;
  return z
    .literal([...values], { error })
    .nullish()
    .meta({ description: `no other than ${list}` });
}

/** Takes what is empty. @param why else it is refused */
export function empty(why: string) {
  const error = `${NOT_SUPPORTED}: ${why}`;
  return z
    .union([z.array(z.unknown()).max(0, { error }), z.strictObject({}, { error }), z.literal("", { error })], { error })
    .nullish()
    .meta({ description: `nothing, or empty; ${why}` });
}

const ignored = <T extends z.ZodType>(type: T, why = "no effect") => type.nullish().meta({ description: why });
const word = z.string().max(500);
const anyObject = z.record(z.string(), z.unknown());

/** Whatever values OpenAI's own clients give, or will give, them. */
const withoutEffect = {
  user: ignored(z.string()),
  safety_identifier: ignored(z.string()),
  metadata: ignored(z.record(z.string(), z.string())),
  store: ignored(z.boolean(), "no effect: nothing is stored"),
  service_tier: ignored(word),
  prompt_cache_key: ignored(z.string()),
  prompt_cache_retention: ignored(word),
  prompt_cache_options: ignored(anyObject),
  reasoning_effort: ignored(word, "no effect: the model does not reason beforehand"),
  verbosity: ignored(word, "no effect: how long an answer is, max_tokens says"),
  parallel_tool_calls: ignored(z.boolean(), "no effect: there are no tools"),
};

const penalty = "the model knows no penalties";
const sampling = "with a temperature above 0 the whole distribution is drawn from; lower the temperature instead";

/** Sampling's cuts are judged by chat-job.ts: at temperature 0 the likeliest token is taken, and none of them matters. */
const sampled = {
  top_p: ignored(z.number().min(0).max(1), `1, or with temperature 0 any value, where it changes nothing; ${sampling}`),
  top_k: ignored(z.int().min(-1), `0 or -1, or with temperature 0 any value, where it changes nothing; ${sampling}`),
  min_p: ignored(z.number().min(0).max(1), `0, or with temperature 0 any value, where it changes nothing; ${sampling}`),
};

const neutral = {
  n: only([1], "ask again with another seed"),
  frequency_penalty: only([0], penalty),
  presence_penalty: only([0], penalty),
  logprobs: only(
    [false],
    "tokens are written in any order, each beside what is there already, so none has a probability given those before it; diffusion_trace reports how sure the model was of each when it wrote it",
  ),
  top_logprobs: only([0], "diffusion_trace reports how sure the model was of each token"),
  logit_bias: z
    .record(z.string(), z.literal(0, { error: `${NOT_SUPPORTED}, other than 0` }))
    .nullish()
    .meta({ description: "no other than 0" }),
  response_format: z
    .strictObject({
      type: z.literal("text", {
        error: `${NOT_SUPPORTED}, other than "text": /v1/fill writes into a template, JSON for example, of which every other character stays`,
      }),
    })
    .nullish(),
  modalities: z.array(z.literal("text", { error: `${NOT_SUPPORTED}, other than "text"` })).nullish(),
  tools: empty("the model knows no tools"),
  functions: empty("the model knows no functions"),
  tool_choice: only(["none", "auto"], "the model knows no tools"),
  function_call: only(["none", "auto"], "the model knows no functions"),
  audio: empty("the model does not speak"),
  prediction: empty("/v1/refine repairs a text, /v1/fill keeps parts of one"),
  web_search_options: z
    .null({ error: `${NOT_SUPPORTED}: the model searches nowhere` })
    .optional()
    .meta({ description: "null only: the model searches nowhere" }),
  moderation: empty("nothing is moderated"),
};

const instead = { texts: "stop takes texts", ends: "the end of the turn ends the answer", template: "use /v1/fill" };

/** What vLLM, SGLang and TGI know besides, and their clients send. */
const ofOtherServers = {
  best_of: only([1]),
  use_beam_search: only([false]),
  length_penalty: only([1]),
  early_stopping: only([false]),
  repetition_penalty: only([1], penalty),
  typical_p: only([1], sampling),
  top_a: only([0], sampling),
  min_tokens: only([0], "max_tokens is the answer's length"),
  ignore_eos: only([false], instead.ends),
  stop_token_ids: empty(instead.texts),
  bad_words: empty("words cannot be forbidden"),
  logits_processors: empty("there are none"),
  include_stop_str_in_output: only([false]),
  no_stop_trim: only([false]),
  skip_special_tokens: only([true], "a text has none"),
  spaces_between_special_tokens: only([true], "a text has none"),
  return_token_ids: only([false], "diffusion_trace has ids"),
  return_tokens_as_token_ids: only([false], "diffusion_trace has ids"),
  prompt_logprobs: only([0, false]),
  echo: only([false]),
  add_generation_prompt: only([true]),
  continue_final_message: only([false], "/v1/refine repairs a text, /v1/fill goes on with one"),
  add_special_tokens: only([false]),
  documents: empty("put them into a message"),
  chat_template: empty("the model's own is used"),
  chat_template_kwargs: z
    .strictObject({ enable_thinking: only([false]), thinking: only([false]) })
    .nullish()
    .meta({ description: "empty, or thinking off: there is none" }),
  mm_processor_kwargs: empty("see image_join and as_stored"),
  guided_json: empty(instead.template),
  guided_regex: empty(instead.template),
  guided_choice: empty(instead.template),
  guided_grammar: empty(instead.template),
  structured_outputs: empty(instead.template),
  regex: empty(instead.template),
  ebnf: empty(instead.template),
  priority: only([0], "requests are served in turns"),
  request_id: ignored(word),
  rid: ignored(word),
  cache_salt: ignored(z.string()),
  cache_prompt: ignored(z.boolean()),
  include_reasoning: ignored(z.boolean(), "no effect: there is no reasoning"),
  separate_reasoning: ignored(z.boolean(), "no effect: there is no reasoning"),
  stream_reasoning: ignored(z.boolean(), "no effect: there is no reasoning"),
};

export const neutralFields = { ...withoutEffect, ...sampled, ...neutral, ...ofOtherServers };

/** What a message may have that another's has, or an answer's that is sent back. */
export const neutralInMessages = {
  name: ignored(word),
  tool_calls: empty("the model knows no tools"),
  tool_call_id: empty("the model knows no tools"),
  function_call: empty("the model knows no functions"),
  refusal: empty("leave it out"),
  audio: empty("the model does not hear or speak"),
  annotations: empty("leave them out"),
  reasoning: empty("the model does not read it; leave it out"),
  reasoning_content: empty("the model does not read it; leave it out"),
};

/** And a part of one. */
export const neutralInParts = {
  prompt_cache_breakpoint: ignored(anyObject),
  cache_control: ignored(anyObject),
};

export const neutralInStreamOptions = {
  include_obfuscation: ignored(z.boolean(), "no effect: nothing is padded"),
  continuous_usage_stats: only([false], "usage comes last"),
};

export const imageDetail = ignored(word, "no effect: a picture is cut as the model was trained");

/** For messages that say what to write in place of a field that there is not: the names of other programs. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  maxnewtokens: "max_tokens",
  maxgentoks: "max_tokens",
  maxlength: "max_tokens",
  maxoutputtokens: "max_tokens",
  genlength: "max_tokens",
  answerlength: "max_tokens",
  npredict: "max_tokens",
  numpredict: "max_tokens",
  stopsequences: "stop",
  until: "stop",
  dosample: "temperature",
  numinferencesteps: "steps",
  diffusionsteps: "steps",
  guidancescale: "cfg_scale",
  images: "messages",
  prompt: "messages",
};
