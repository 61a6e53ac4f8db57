/** A draft: what a model says about a picture, before an expert has seen it. One JSON line of what `rediff data draft`
 *  writes and `rediff data correct` reads.
 *
 *      {"id": "17", "img": "images/17.jpg", "ques": "<image>\nDescribe it.", "ans": "A dog.", "pred": "A cat.",
 *       "drafted": {"record": 17, "model": ..., "steps": 32, ...}}
 *
 *  `img`, `ques`, `ans` and `pred` are the original's, so that its files are read as well; in files from elsewhere the
 *  other keys may be missing. Keys that are not named here are kept. */
import { z } from "zod";

/** How a draft was made: enough to make it again. */
const draftedShape = {
  /** Number of the record in the data, from 0: what tells the drafts of one data set apart. */
  record: z.int().min(0),
  /** As it was named. */
  model: z.string(),
  /** Of the weights' content; see fingerprint.ts. */
  checkpoint: z.string(),
  steps: z.int().min(1),
  gen_length: z.int().min(1),
  block_length: z.int().min(1),
  revise: z.boolean(),
  temperature: z.number(),
  seed: z.int(),
  /** What follows is written only where it is not the default. */
  revise_topk: z.number().exactOptional(),
  revise_start: z.number().exactOptional(),
  revise_rest: z.boolean().exactOptional(),
  confidence_among: z.string().exactOptional(),
  rule: z.string().exactOptional(),
  threshold: z.number().exactOptional(),
  factor: z.number().exactOptional(),
  entropy_bound: z.number().exactOptional(),
  edit_threshold: z.number().exactOptional(),
  post_edit_steps: z.number().exactOptional(),
  /** What was approximate besides the rule. */
  cache: z.looseObject({ kind: z.string() }).exactOptional(),
  quantize: z.string().exactOptional(),
  fast: z.literal(true).exactOptional(),
  cfg_scale: z.number().exactOptional(),
  remasking: z.string().exactOptional(),
  conversation: z.string().exactOptional(),
  image_join: z.string().exactOptional(),
  system: z.string().exactOptional(),
  as_stored: z.boolean().exactOptional(),
  max_pixels: z.number().exactOptional(),
  /** rediff, torch. */
  versions: z.record(z.string(), z.string()),
};
/** How a draft was made. */
export interface Drafted extends z.infer<z.ZodObject<typeof draftedShape>> {}
export const draftedSchema = z.looseObject(draftedShape);

export const draftRecordSchema = z.looseObject({
  /** The data's own id, which may come twice, or the record's number. */
  id: z.union([z.string(), z.number()]).nullish(),
  /** Path of the picture, as it was opened: absolute, or relative to where the command ran. */
  img: z.string().min(1),
  /** The question, with `<image>`. */
  ques: z.string(),
  /** The reference answer; missing where the data has none. */
  ans: z.string().nullish(),
  /** The draft: never empty, never with a special token. */
  pred: z.string(),
  drafted: draftedSchema.optional(),
});
/** A line of a file of drafts. */
export interface DraftRecord extends z.infer<typeof draftRecordSchema> {}

/** As `rediff data draft` writes it, in this order of keys. */
export interface NewDraft {
  id: string;
  img: string;
  ques: string;
  ans?: string;
  pred: string;
  drafted: Drafted;
}
