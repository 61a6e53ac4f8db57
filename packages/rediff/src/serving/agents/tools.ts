/** The tools that agents get, with the types of what goes in and what comes out. They say for themselves what they are for:
 *  whoever calls them has read nothing else. */
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { namedApproximations } from "../../inference/request-record.js";

import { escapeMarkers } from "../../text/image-markers.js";
import { present } from "../schemas/fields.js";
import type { StartedModel } from "../started/started-model.js";
import {
  assertPicture,
  namesPicture,
  type PictureFields,
  type PictureLimits,
  pictureBytes,
  pictureFields,
} from "./picture-argument.js";
import { answered, failed } from "./tool-answers.js";
import { type CallExtra, type ToolProgress, toolProgress } from "./tool-progress.js";

export interface ToolOptions {
  pictures: PictureLimits;
  /** Pixels of a picture. */
  maxPixels: number;
  /** Our own mistakes, and the process's deaths. */
  log: (line: string) => void;
}

const whole = z.int().min(1);
const offsets = { start: z.int(), end: z.int() };
const unread = z
  .array(z.object({ ...offsets, text: z.string() }))
  .describe("Words that the model cannot read; they are left as they are.");
const seconds = z.number().describe("Time of the model, without waiting.");
const approximate = z.array(z.string()).optional().describe("Names of approximate options that were on.");
const quantize = z.string().optional().describe("What the model's weights are rounded to.");
const question = z.string().min(1).optional();
const seed = z.int().min(0).optional().describe("The same seed gives the same answer.");
const perStep = z
  .number()
  .min(1)
  .optional()
  .describe("Tokens written in each forward pass: more are faster, and less sure.");

/** They read, and change nothing. */
const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

const describeInput = z.strictObject({
  ...pictureFields,
  prompt: question.describe("A question about the picture, in place of asking for a description."),
  gen_length: whole.optional().describe("Tokens of the answer at most."),
  tokens_per_step: perStep,
  revise: z.boolean().optional().describe("Let the model rewrite what it wrote before (ReDiff models)."),
  seed,
});
const describeOutput = z.object({
  text: z.string().describe("The description, or the answer."),
  steps: z.int().describe("Forward passes."),
  seconds,
  stopped: z.boolean().describe("False where its length cut it off."),
  unread,
  approximate,
  quantize,
});

const refineInput = z.strictObject({
  ...pictureFields,
  text: z.string().min(1).describe("The description to proofread."),
  prompt: question.describe("The question that the text answers, where it was not a description."),
  rounds: whole.optional().describe("Rounds of correction at most; default 8."),
  threshold: z.number().min(0).max(1).optional().describe("Change a word only when at least this sure."),
});
const refineOutput = z.object({
  text: z.string().describe("The corrected text."),
  changes: z
    .array(
      z.object({
        ...offsets,
        from: z.string(),
        to: z.string(),
        confidence: z.number().describe("How sure the model is of the new words, 0 to 1."),
      }),
    )
    .describe("What was changed; start and end count the given text's characters (UTF-16 units)."),
  unread,
  rounds: z.int(),
  seconds,
  approximate,
  quantize,
});

const fillInput = z.strictObject({
  ...pictureFields,
  text: z
    .string()
    .min(1)
    .describe("The text with blanks: [[3]] is a blank of three tokens; \\[[ stands for the brackets."),
  prompt: question.describe("The question that the text answers."),
  tokens_per_step: perStep,
  revise: z.boolean().optional().describe("Let the model rewrite what it put into blanks before (ReDiff models)."),
  seed,
});
const fillOutput = z.object({
  text: z.string().describe("The whole text, filled in."),
  blanks: z.array(z.object({ ...offsets, text: z.string() })).describe("What was put in, and where in the text."),
  unread,
  steps: z.int().describe("Forward passes."),
  seconds,
  approximate,
  quantize,
});

export function addTools(server: McpServer, model: StartedModel, options: ToolOptions): void {
  const { maxPixels } = options;
  const common = ({ signal }: CallExtra, progress: ToolProgress) =>
    present({ signal, maxPixels, onTrace: progress.onTrace });
  const call = (extra: CallExtra, work: (progress: ToolProgress) => Promise<CallToolResult>) =>
    called(extra, options, work);
  const read = (fields: PictureFields, { signal }: CallExtra) => pictureBytes(fields, options.pictures, signal);

  server.registerTool(
    "describe",
    {
      title: "Describe a picture",
      description: "Describes a picture, or answers a question about it.",
      inputSchema: describeInput,
      outputSchema: describeOutput,
      annotations,
    },
    ({ prompt, gen_length: genLength, tokens_per_step: tokensPerStep, revise, seed, ...picture }, extra) =>
      call(extra, async (progress) => {
        assertPicture(picture);
        const answer = await model.describe(await read(picture, extra), {
          ...common(extra, progress),
          ...present({ prompt: prompt && escapeMarkers(prompt), genLength, tokensPerStep, revise, seed }),
        });
        const { text, steps, seconds, stopped, unread } = answer;
        return answered(text, { text, steps, seconds, stopped, unread, ...approximations(answer) });
      }),
  );

  server.registerTool(
    "refine",
    {
      title: "Proofread a description",
      description:
        "Proofreads a description against its picture: wrong words are replaced, all else stays as it was typed. Gives the corrected text, and every change with how sure the model is of it.",
      inputSchema: refineInput,
      outputSchema: refineOutput,
      annotations,
    },
    ({ text: draft, prompt, rounds: most, threshold, ...picture }, extra) =>
      call(extra, async (progress) => {
        assertPicture(picture);
        const answer = await model.refine(await read(picture, extra), draft, {
          ...common(extra, progress),
          ...present({ prompt: prompt && escapeMarkers(prompt), rounds: most, threshold }),
        });
        const { text, edits, unread, rounds, seconds } = answer;
        const changes = edits.map(({ start, end, from, to, confidence }) => ({ start, end, from, to, confidence }));
        return answered(text, { text, changes, unread, rounds, seconds, ...approximations(answer) });
      }),
  );

  server.registerTool(
    "fill",
    {
      title: "Fill in the blanks of a text",
      description:
        "Fills in the blanks of a text about a picture (or about none); all else of the text stays, character for character.",
      inputSchema: fillInput,
      outputSchema: fillOutput,
      annotations,
    },
    ({ text: template, prompt, tokens_per_step: tokensPerStep, revise, seed, ...picture }, extra) =>
      call(extra, async (progress) => {
        const pictures = namesPicture(picture) ? [await read(picture, extra)] : [];
        const answer = await model.fill(pictures, template, {
          ...common(extra, progress),
          ...present({ prompt: prompt && escapeMarkers(prompt), tokensPerStep, revise, seed }),
        });
        const { text, blanks, unread, steps, seconds } = answer;
        return answered(text, { text, blanks, unread, steps, seconds, ...approximations(answer) });
      }),
  );
}

/** Without what became of a cache: no tool asks for one. */
function approximations(answer: Parameters<typeof namedApproximations>[0]) {
  const { cache: _, ...named } = namedApproximations(answer);
  return named;
}

async function called(
  extra: CallExtra,
  { log }: ToolOptions,
  work: (progress: ToolProgress) => Promise<CallToolResult>,
): Promise<CallToolResult> {
  using progress = toolProgress(extra);
  try {
    return await work(progress);
  } catch (error) {
    // Nobody waits for the answer of a call that was cancelled.
    if (extra.signal.aborted) return failed(error, () => undefined);
    return failed(error, log);
  }
}
