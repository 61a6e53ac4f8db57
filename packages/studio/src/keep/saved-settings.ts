/** Settings from outside: of an earlier visit, or of a link. Bounds are those of the page's own controls. */
import * as z from "zod/mini";
import type { Settings } from "../describe/settings.js";

const share = z.number().check(z.minimum(0), z.maximum(1));
const tokens = (most: number) => z.int().check(z.minimum(1), z.maximum(most));

export const settingsSchema: z.ZodMiniType<Settings> = z.pipe(
  z.object({
    prompt: z.string().check(z.maxLength(4000)),
    pace: z.enum(["tokens", "threshold", "factor", "entropy"]),
    tokensPerStep: tokens(16),
    threshold: share,
    genLength: z.optional(tokens(8192)),
    blockLength: z.optional(tokens(8192)),
    seed: z.optional(z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1))),
    temperature: z.number().check(z.minimum(0), z.maximum(1.5)),
    remasking: z.enum(["low_confidence", "random"]),
    cfgScale: z.number().check(z.minimum(0), z.maximum(4)),
    reviseTopk: share,
    reviseStart: share,
    imageJoin: z.enum(["model", "legacy", "correct"]),
    cache: z.enum(["none", "refresh"]),
  }),
  // What is left open is open, not absent.
  z.transform(({ genLength, blockLength, seed, ...others }) => ({ ...others, genLength, blockLength, seed })),
);
