import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import type { Problem } from "../server/problem.js";
import type { Live } from "../text/live.js";
import type { Span } from "../text/spans.js";
import type { Edit } from "./edits.js";

export interface Review {
  /** ISO date. */
  created: string;
  /** Id of the model that read it; undefined where an earlier version of the page did not say. */
  model?: string | undefined;
  draft: string;
  edits: readonly Edit[];
  /** What the model cannot read and has left alone. */
  unread: readonly Span[];
  /** That it was read against. */
  picture: { name: string; url: string } | undefined;
  /** Of that picture. */
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
  /** Of the reading under way. */
  live: Live | undefined;
  review: Review | undefined;
  problem: Problem | undefined;
}
