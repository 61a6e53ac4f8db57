/** Shapes of what this browser keeps. An earlier version of the page may have written it, so it is parsed like anything
 *  else from outside. */
import * as z from "zod/mini";
import { sceneSchema } from "../scene/saved-scene.js";
import { comparisonSchema, factsSchema } from "../trace/file.js";
import { settingsSchema } from "./saved-settings.js";

const count = z.int().check(z.minimum(0));
const number = z.number();
const url = z.string().check(z.regex(/^data:image\/[a-z+.-]+;base64,/));
const size = { width: number, height: number };
const text = z.string();
const span = z.object({ start: count, end: count, text });

export const pictureSchema = z.object({
  source: z.enum(["file", "scene"]),
  file: z.optional(z.object({ name: text, url, ...size, original: z.object(size) })),
  scene: z.optional(sceneSchema),
});
export type SavedPicture = z.infer<typeof pictureSchema>;

/** Of a result: when it was made, of which picture, and what is true of it. */
const made = {
  created: text,
  model: z.optional(text),
  picture: z.optional(z.object({ name: text, url })),
  pictureKey: text,
  facts: z.optional(factsSchema),
};

const reviewSchema = z.object({
  draft: text,
  edits: z.array(z.object({ start: count, end: count, from: text, to: text, confidence: number })),
  unread: z.array(span),
  rejected: z.array(count),
  rounds: count,
  seconds: number,
  ...made,
});

const filledSchema = z.object({
  template: text,
  text,
  blanks: z.array(span),
  unread: z.array(span),
  steps: count,
  seconds: number,
  ...made,
});

const asked = z.object({ settings: settingsSchema, baseline: z.optional(text) });

export const sessionSchema = z.object({
  id: text,
  saved: text,
  /** Id of the model that was chosen. */
  wanted: z.optional(text),
  picture: pictureSchema,
  describe: z.object({
    ...asked.shape,
    speed: number,
    comparison: z.optional(comparisonSchema),
    from: z.object({ file: z.optional(text), pictureKey: z.optional(text) }),
  }),
  proofread: z.object({ draft: text, review: z.optional(reviewSchema) }),
  fill: z.object({
    template: text,
    blankTokens: z.int().check(z.minimum(1), z.maximum(99)),
    tokensPerStep: z.int().check(z.minimum(1), z.maximum(8)),
    result: z.optional(filledSchema),
  }),
  chat: z.object({
    draft: text,
    messages: z.array(
      z.object({
        role: z.enum(["user", "assistant"]),
        text,
        picture: z.optional(z.object({ name: text, url })),
        unread: z.optional(z.array(span)),
        model: z.optional(text),
        status: z.enum(["done", "stopped"]),
      }),
    ),
  }),
});
export type Session = z.infer<typeof sessionSchema>;

const kept = { id: text, created: text, model: text, pictureThen: z.optional(pictureSchema) };

/** An earlier run. `pictureThen` is the picture as it stood on the page, where it was still there at the end. */
export const keptRunSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("describe"),
    ...kept,
    comparison: comparisonSchema,
    asked: z.optional(settingsSchema),
  }),
  z.object({ kind: z.literal("proofread"), ...kept, review: reviewSchema }),
  z.object({ kind: z.literal("fill"), ...kept, result: filledSchema }),
]);
export type KeptRun = z.infer<typeof keptRunSchema>;

/** What a list shows of a run. */
export const summarySchema = z.object({
  id: text,
  kind: z.enum(["describe", "proofread", "fill"]),
  created: text,
  model: text,
  /** Question, draft or template. */
  asked: text,
  said: text,
  /** A small copy. */
  picture: z.optional(url),
  /** Roughly, of the whole run. */
  bytes: count,
});
export type Summary = z.infer<typeof summarySchema>;
