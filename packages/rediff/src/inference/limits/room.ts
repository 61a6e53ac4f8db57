/** What a prompt leaves of a model's positions for its answer. Counted before anything is encoded, so that what does not
 *  fit costs nothing. */
import { OptionError, option, wording } from "../../errors.js";
import { furthest } from "../../models/llada/llada-config.js";
import { type ModelConfig, visionGeometry } from "../../models/llava/llava.js";
import { imagePlaceholder } from "../../text/image-tokens.js";
import { type LaidOut, visualRows } from "../../vision/tiles/token-layout.js";
import type { DescribeRequest, ResolvedRequest } from "../resolve.js";

/** Positions of a prompt with its pictures. */
export function promptLength(
  { multimodal }: Pick<ModelConfig, "multimodal">,
  ids: readonly number[],
  visuals: readonly LaidOut[],
): number {
  const text = ids.filter((id) => id !== imagePlaceholder).length;
  if (multimodal === undefined) return text;
  const geometry = visionGeometry(multimodal);
  return visuals.reduce((sum, visual) => sum + visualRows(visual, geometry), text);
}

/** @throws OptionError when the prompt and its answer have more positions than the model */
export function assertRoom(config: ModelConfig, request: ResolvedRequest, visuals: readonly LaidOut[]): void {
  const positions = furthest(config.llada);
  const { genLength, suffix } = request.decode;
  const prompt = promptLength(config, request.ids, visuals);
  const answer = genLength + suffix.length;
  if (prompt + answer <= positions) return;
  if (prompt >= positions) throw noRoom(prompt, positions);
  const { kind } = request;
  const [name, what] =
    kind === "describe" ? ["genLength", "answer"] : kind === "refine" ? ["draft", "draft"] : ["template", "template"];
  throw new OptionError(
    name,
    `the prompt has ${prompt} tokens and the ${what} ${answer}, together more than the model's ${positions} positions`,
    kind === "describe"
      ? wording`Use fewer or smaller pictures, a shorter question, or a smaller ${option("genLength")}`
      : `Use fewer or smaller pictures, or a shorter ${what}`,
    { problem: "context_length" },
  );
}

/** How many of its usual answers a model's answer is worth where the length that was asked for does not fit. */
const LONGEST = 4;

/** A request whose answer is as long as asked, if there is room. A length that does not fit cannot be meant literally: it
 *  is a client's habit, and stands for "as long as it takes". As every position is decoded, it becomes what there is room
 *  for, but no more than four times the model's usual length. Blocks keep their length, and steps their share of each
 *  block; a block that is longer than the room becomes as long as that.
 *
 *  Room ends where the model's training did: behind it text falls apart. The usual length, it may have in any case. No
 *  answer is longer than whoever runs the model allows.
 *  @param usual tokens of an answer
 *  @param longest tokens of any answer
 *  @throws OptionError when there is no room at all */
export function cutToRoom(
  config: ModelConfig,
  request: DescribeRequest,
  visuals: readonly LaidOut[],
  usual: number,
  longest = Number.POSITIVE_INFINITY,
): DescribeRequest {
  const positions = furthest(config.llada);
  const prompt = promptLength(config, request.ids, visuals);
  const { genLength, blockLength, steps, suffix } = request.decode;
  const before = prompt + suffix.length;
  const trained = config.multimodal?.tokenizerModelMaxLength ?? positions;
  const room = Math.min(positions - before, Math.max(trained - before, usual));
  if (genLength <= Math.min(room, longest)) return request;
  if (room < 1) throw noRoom(prompt, positions);
  const length = Math.min(longest, genLength <= room ? genLength : Math.min(room, LONGEST * usual));
  const block = Math.min(blockLength, length);
  const blocks = Math.floor(length / block);
  const stepsOfBlock = steps / (genLength / blockLength);
  return {
    ...request,
    decode: {
      ...request.decode,
      genLength: blocks * block,
      blockLength: block,
      steps: blocks * Math.ceil((stepsOfBlock * block) / blockLength),
    },
  };
}

/** @throws OptionError when a draft or a template is longer than any answer may be; a description's length is cut instead */
export function assertAllowed({ kind, decode }: ResolvedRequest, longest: number): void {
  if (decode.genLength <= longest) return;
  const name = kind === "describe" ? "genLength" : kind === "refine" ? "draft" : "template";
  throw new OptionError(
    name,
    wording`${option(name)} has ${decode.genLength} tokens, and an answer of this server ${longest} at most`,
    "Send a shorter one",
    { problem: "context_length" },
  );
}

const noRoom = (prompt: number, positions: number): OptionError =>
  new OptionError(
    "prompt",
    `the prompt has ${prompt} tokens with its pictures, and the model's ${positions} positions leave no room for an answer`,
    "Use fewer or smaller pictures, or shorter text",
    { problem: "context_length" },
  );
