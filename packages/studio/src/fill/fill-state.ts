import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import type { Filled } from "../server/messages.js";
import type { Problem } from "../server/problem.js";

export interface FillState {
  template: string;
  /** Of the next blank that is inserted. */
  blankTokens: number;
  tokensPerStep: number;
  busy: boolean;
  result: (Filled & { pictureKey: string; facts: Facts | undefined }) | undefined;
  problem: Problem | undefined;
}
