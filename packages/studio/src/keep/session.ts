/** What of the page outlives a reload: all that was put in and all that came out. Pure. */
import type { State } from "../app/app-state.js";
import type { ChatMessage } from "../chat/chat-state.js";
import { comparisonOf, savedOf } from "../describe/saved-comparison.js";
import { pictureKey } from "../picture/picture-actions.js";
import { assertRuns, fileOf } from "../trace/file.js";
import { textAt } from "../trace/trace.js";
import { pictureSchema, type SavedPicture, type Session } from "./saved-parts.js";
import { filledOf, reviewOf, savedFilled, savedReview } from "./saved-results.js";

/** Parts of the state that a session is made of. */
export type Kept = Pick<State, "wanted" | "picture" | "describe" | "proofread" | "fill" | "chat">;

/** Whether anything differs that a session has: most changes of the state are of other things. */
export function isSameSession(one: Kept, other: Kept): boolean {
  const parts = ({ wanted, picture, describe, proofread, fill, chat }: Kept) => [
    wanted,
    ...[picture.source, picture.file, picture.scene],
    ...[describe.settings, describe.baseline, describe.comparison, describe.player.speed],
    ...[proofread.draft, proofread.review],
    ...[fill.template, fill.blankTokens, fill.tokensPerStep, fill.result],
    ...[chat.draft, chat.messages],
  ];
  const others = parts(other);
  return parts(one).every((part, i) => Object.is(part, others[i]));
}

export function savedPicture({ source, file, scene }: Kept["picture"]): SavedPicture {
  return { source, ...(file && { file }), ...(scene && { scene }) };
}

export function sessionOf(state: Kept, id: string, saved: string): Session {
  const { wanted, picture, describe, proofread, fill, chat } = state;
  const { comparison, settings, baseline, player } = describe;
  return {
    id,
    saved,
    ...(wanted !== undefined && { wanted }),
    picture: savedPicture(picture),
    describe: {
      settings,
      ...(baseline !== undefined && { baseline }),
      speed: player.speed,
      ...(comparison && { comparison: fileOf(savedOf(comparison)) }),
      from: {
        ...(comparison?.file !== undefined && { file: comparison.file }),
        ...(comparison?.pictureKey !== undefined && { pictureKey: comparison.pictureKey }),
      },
    },
    proofread: { draft: proofread.draft, ...(proofread.review && { review: savedReview(proofread.review) }) },
    fill: {
      template: fill.template,
      blankTokens: fill.blankTokens,
      tokensPerStep: fill.tokensPerStep,
      ...(fill.result && { result: savedFilled(fill.result) }),
    },
    chat: { draft: chat.draft, messages: chat.messages.flatMap(savedMessage) },
  };
}

/** An answer that is being written ends where it is. */
function savedMessage({ role, text, picture, unread, trace, status, model }: ChatMessage) {
  const soFar = text || (trace === undefined ? "" : textAt(trace, trace.steps.length));
  if (status === "writing" && soFar === "") return [];
  return [
    {
      role,
      text: soFar,
      ...(picture && { picture }),
      ...(unread && { unread: [...unread] }),
      ...(model !== undefined && { model }),
      status: status === "writing" ? ("stopped" as const) : status,
    },
  ];
}

/** The state with all that the session has.
 *  @throws Problem where its runs do not fit together */
export function withSession<S extends Kept>(
  state: S,
  { wanted, picture, describe, proofread, fill, chat }: Session,
): S {
  const chosen = { ...state.picture, ...pictureOf(picture) };
  const key = rekeyed(picture, chosen);
  const { comparison, from, settings, baseline, speed } = describe;
  if (comparison !== undefined) assertRuns(comparison);
  const { review } = proofread;
  const { result } = fill;
  return {
    ...state,
    wanted,
    picture: { ...chosen, cell: 0, problem: undefined, failed: undefined, waiting: undefined },
    describe: {
      settings,
      baseline,
      comparison: comparison && comparisonOf(comparison, { file: from.file, pictureKey: key(from.pictureKey) }),
      player: { at: 0, playing: false, live: true, speed },
      problem: undefined,
    },
    proofread: {
      draft: proofread.draft,
      busy: false,
      live: undefined,
      review: review && reviewOf({ ...review, pictureKey: key(review.pictureKey) ?? "" }),
      problem: undefined,
    },
    fill: {
      ...fill,
      busy: false,
      live: undefined,
      result: result && filledOf({ ...result, pictureKey: key(result.pictureKey) ?? "" }),
      problem: undefined,
    },
    chat: { ...chat, busy: false, problem: undefined },
  };
}

export function pictureOf({ source, file, scene }: SavedPicture): Pick<Kept["picture"], "source" | "file" | "scene"> {
  return { source, file, scene };
}

/** A scene's key is its JSON, and parsing it may have changed the order of its names. */
export function rekeyed(saved: SavedPicture, chosen: Kept["picture"]): (key: string | undefined) => string | undefined {
  const now = pictureKey(chosen);
  const { source, file, scene } = saved;
  return (key) => {
    if (key === undefined || source === "file") return key === undefined ? undefined : key === file?.url ? now : key;
    const same = pictureSchema.safeParse({ source, scene: parsedKey(key) });
    const isSame = same.success && JSON.stringify(same.data.scene) === JSON.stringify(scene);
    return isSame ? now : key;
  };
}

function parsedKey(key: string): unknown {
  try {
    return JSON.parse(key);
  } catch {
    return undefined;
  }
}
