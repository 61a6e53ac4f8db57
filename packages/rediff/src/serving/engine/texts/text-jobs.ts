/** A request's texts to ids and places, in a thread: resolved as everywhere, with its length cut to what there is room
 *  for, and refused where there is none. What comes out fits the model, so that its process never has more to take in than
 *  it has positions. */

import { assertAllowed, assertRoom, cutToRoom } from "../../../inference/limits/room.js";
import type { AskableModel } from "../../../inference/model-facts.js";
import type { Asked } from "../../../inference/request.js";
import { type ResolvedRequest, resolveRequest } from "../../../inference/resolve.js";
import type { ModelConfig } from "../../../models/llava/llava.js";
import type { LaidOut } from "../../../vision/tiles/token-layout.js";

export interface TextJob {
  asked: Asked;
  /** Of a description: its length may be cut to what there is room for. Tokens of a usual answer. */
  usualLength?: number | undefined;
  /** Tokens that an answer may have at most. */
  longest?: number | undefined;
  /** Of its pictures and videos. */
  visuals: readonly LaidOut[];
}

/** @throws UserError when the options do not fit together, or the request not into the model */
export function resolveServed(
  model: AskableModel & { config: ModelConfig },
  { asked, usualLength: usual, longest, visuals }: TextJob,
): ResolvedRequest {
  const request = resolveRequest(model, visuals.length, asked);
  const mayCut = request.kind === "describe" && usual !== undefined;
  const fitting = mayCut ? cutToRoom(model.config, request, visuals, usual, longest) : request;
  assertRoom(model.config, fitting, visuals);
  if (longest !== undefined) assertAllowed(fitting, longest);
  return fitting;
}
