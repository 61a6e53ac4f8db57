/** Shapes of what comes in from outside: the server's answers and saved traces. Parsed here, once. */
import * as z from "zod/mini";
import type { Change, Trace, TraceEvent } from "../trace/trace.js";

// zod compiles its checks with new Function unless told not to, which the page's security policy refuses.
z.config({ jitless: true });

const count = z.int().check(z.minimum(0));
/** Of a sum in float32, which may be a hair over 1. */
const share = z.number().check(z.overwrite((value) => Math.min(1, Math.max(0, value))));
const nonNegative = z.number().check(z.minimum(0));

export const changeSchema = z.object({
  position: count,
  token: z.string(),
  id: count,
  confidence: share,
  kind: z.enum(["fill", "revise"]),
}) satisfies z.ZodMiniType<Change>;

const start = {
  gen_length: count.check(z.minimum(1), z.maximum(8192)),
  steps: count,
  mask: z.string(),
  image_tokens: count,
  given: z.exactOptional(z.array(z.object({ position: count, token: z.string(), id: count }))),
};
const step = { step: count, block: count, changes: z.array(changeSchema), seconds: nonNegative };
const end = {
  text: z.string(),
  steps: count,
  tokens: count,
  edits: count,
  seconds: nonNegative,
  stopped: z.boolean(),
  approximate: z.exactOptional(z.array(z.string())),
};

export const traceEventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("start"), ...start }),
  z.object({ type: z.literal("step"), ...step }),
  z.object({ type: z.literal("end"), ...end }),
]) satisfies z.ZodMiniType<TraceEvent>;

export const traceSchema = z.object({
  start: z.object(start),
  steps: z.array(z.object(step)),
  end: z.optional(z.object(end)),
}) satisfies z.ZodMiniType<Trace>;

/** Of a text: UTF-16 units, and what stands there. */
const span = z.object({ start: count, end: count, text: z.string() });

const passProgress = z.object({ layer: count, layers: count, seconds: nonNegative });
export type PassProgress = z.infer<typeof passProgress>;

/** One event of a streamed completion. */
export const chunkSchema = z.object({
  choices: z.optional(
    z.array(z.object({ delta: z.optional(z.object({ content: z.optional(z.nullable(z.string())) })) })),
  ),
  diffusion: z.optional(traceEventSchema),
  /** Of a pass that takes long. */
  progress: z.optional(passProgress),
  /** Of the question; in the last chunk with a choice. */
  unread: z.optional(z.array(span)),
  error: z.optional(z.object({ message: z.string() })),
});

/** One event of a refinement or a filling that is streamed. */
export const textEventSchema = z.object({
  diffusion: z.optional(traceEventSchema),
  progress: z.optional(passProgress),
  /** The answer, in the last. */
  result: z.optional(z.unknown()),
  error: z.optional(z.object({ message: z.string() })),
});

export const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    param: z.optional(z.nullable(z.string())),
    code: z.optional(z.nullable(z.union([z.string(), z.number()]))),
  }),
});

const modelSchema = z.object({
  id: z.string(),
  rediff: z.object({
    /** For people. */
    title: z.string(),
    revises: z.boolean(),
    /** 0 of one that sees nothing. */
    image_size: count,
    /** Longer side of the largest picture that is not made smaller for it. */
    largest_view: count,
    max_length: count,
    embedded: z.boolean(),
    default_gen_length: count.check(z.minimum(1)),
    default_seed: count,
    /** Answers questions, and goes on talking. */
    converses: z.boolean(),
    scene_world: z.boolean(),
    image_join: z.enum(["legacy", "correct"]),
    /** "idle" is loaded when it is asked. */
    status: z.exactOptional(z.enum(["idle", "loading", "ready", "restarting", "draining"])),
    loading_seconds: z.exactOptional(z.nullable(nonNegative)),
    /** Why it could not be loaded. */
    problem: z.exactOptional(z.nullable(z.string())),
    dtype: z.exactOptional(z.nullable(z.string())),
    quantize: z.exactOptional(z.nullable(z.string())),
  }),
});
export type Model = z.infer<typeof modelSchema>;

export const modelsSchema = z.object({
  data: z.array(modelSchema).check(z.minLength(1)),
  /** What started the server, and whether further models can be pulled. */
  rediff: z.optional(z.object({ command: z.optional(z.string()), pull: z.optional(z.boolean()) })),
});
export type Models = z.infer<typeof modelsSchema>;

export const pullSchema = z.object({
  id: z.string(),
  model: z.string(),
  status: z.enum(["running", "done", "failed", "cancelled"]),
  bytes: z.nullable(count),
  total_bytes: z.nullable(count),
  note: z.nullable(z.string()),
  error: z.nullable(z.object({ message: z.string() })),
});
export type Pull = z.infer<typeof pullSchema>;

/** Newest first. */
export const pullsSchema = z.object({ data: z.array(pullSchema) });

export const readinessSchema = z.object({ status: z.enum(["ready", "loading", "draining", "restarting"]) });
export type Readiness = z.infer<typeof readinessSchema>["status"];

/** SVG texts of an artwork, by their icons. */
export const drawingsSchema = z.record(z.string(), z.string());

export const catalogSchema = z.object({
  names: z.array(z.object({ name: z.string(), icon: z.string() })).check(z.minLength(1)),
  backgrounds: z.array(z.object({ name: z.string(), color: z.string() })).check(z.minLength(1)),
  styles: z.array(z.string()).check(z.minLength(1)),
  positions: z.array(z.string()).check(z.minLength(1)),
  /** In one scene. */
  most_kinds: z.int().check(z.minimum(1)),
});

/** What the model cannot read and has left alone. */
const unread = z._default(z.array(span), []);

export const refineSchema = z.object({
  text: z.string(),
  /** Of the draft. */
  unread,
  edits: z.array(z.object({ start: count, end: count, from: z.string(), to: z.string(), confidence: share })),
  rounds: count,
  seconds: nonNegative,
});
export type Refined = z.infer<typeof refineSchema>;

export const fillSchema = z.object({
  text: z.string(),
  blanks: z.array(span),
  unread,
  steps: count,
  seconds: nonNegative,
});
export type Filled = z.infer<typeof fillSchema>;

/** A file that the server has read, upright. */
export const redrawnSchema = z.object({
  url: z.string().check(z.regex(/^data:image\/(png|jpeg);base64,/)),
  width: count.check(z.minimum(1)),
  height: count.check(z.minimum(1)),
  original: z.object({ width: count, height: count }),
});
export type Redrawn = z.infer<typeof redrawnSchema>;

export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

/** Problems name the first place that does not fit: `steps.3.changes.0.kind`. */
export function parse<T>(schema: z.ZodMiniType<T>, value: unknown): Parsed<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return { ok: true, value: result.data };
  const [issue] = result.error.issues;
  const place = issue?.path.map(String).join(".") ?? "";
  return { ok: false, problem: place === "" ? "it has another form" : `unexpected value at ${place}` };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
