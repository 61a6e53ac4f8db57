/** Dialogue-causal visibility (LLaDA-V section 3.1, off in all recipes): a row sees the rows of its own and of earlier
 *  turns. Turn ids int64 [B, L] (and bool [B, L] without padding) -> bool [B, 1, L, L] */
import type { Tensor } from "@rediff/torch";

export function conversationVisibility(turns_BL: Tensor, visible_BL?: Tensor): Tensor {
  const seen = turns_BL.unsqueeze(1).le(turns_BL.unsqueeze(2)).unsqueeze(1);
  return visible_BL === undefined ? seen : seen.logicalAnd(visible_BL.unsqueeze(1).unsqueeze(1));
}
