/** Results of Proofread and Fill as they are kept, and back. */
import type { FillState } from "../fill/fill-state.js";
import type { Review } from "../proofread/proofread-state.js";
import type { KeptRun, Session } from "./saved-parts.js";

type FilledResult = NonNullable<FillState["result"]>;
type SavedReview = NonNullable<Session["proofread"]["review"]>;
export type SavedFilled = Extract<KeptRun, { kind: "fill" }>["result"];

export function savedReview({ rejected, edits, unread, facts, picture, model, ...others }: Review): SavedReview {
  return {
    ...others,
    edits: edits.map((edit) => ({ ...edit })),
    unread: [...unread],
    rejected: [...rejected],
    ...(model !== undefined && { model }),
    ...(facts && { facts }),
    ...(picture && { picture }),
  };
}

export function reviewOf({ rejected, facts, picture, ...others }: SavedReview): Review {
  return { ...others, facts, picture, rejected: new Set(rejected) };
}

export function savedFilled({ facts, picture, model, ...others }: FilledResult): SavedFilled {
  return { ...others, ...(model !== undefined && { model }), ...(facts && { facts }), ...(picture && { picture }) };
}

export function filledOf({ facts, picture, ...others }: SavedFilled): FilledResult {
  return { ...others, facts, picture };
}
