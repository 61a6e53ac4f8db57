import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import type { Problem } from "../server/problem.js";
import type { Span } from "../text/spans.js";
import type { Edit } from "./edits.js";

export interface Review {
  draft: string;
  edits: readonly Edit[];
  /** What the model cannot read and has left alone. */
  unread: readonly Span[];
  /** Of the picture that it was read against. */
  pictureKey: string;
  /** What is true of it, where it was composed. */
  facts: Facts | undefined;
  /** Indices of the edits that the user does not want. */
  rejected: ReadonlySet<number>;
  rounds: number;
  seconds: number;
}

export interface ProofreadState {
  draft: string;
  busy: boolean;
  review: Review | undefined;
  problem: Problem | undefined;
}
