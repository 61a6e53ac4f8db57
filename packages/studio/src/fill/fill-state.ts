import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import type { Filled } from "../server/messages.js";
import type { Problem } from "../server/problem.js";
import type { Live } from "../text/live.js";

export interface FillState {
  template: string;
  /** Of the next blank that is inserted. */
  blankTokens: number;
  tokensPerStep: number;
  busy: boolean;
  /** Of the filling under way. */
  live: Live | undefined;
  result:
    | (Filled & {
        /** That was filled in. */
        template: string;
        /** Id of the model that filled it; undefined where an earlier version of the page did not say. */
        model?: string | undefined;
        /** ISO date. */
        created: string;
        picture: { name: string; url: string } | undefined;
        pictureKey: string;
        facts: Facts | undefined;
      })
    | undefined;
  problem: Problem | undefined;
}
