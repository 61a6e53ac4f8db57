import type { Problem } from "../server/problem.js";
import type { Edit } from "./edits.js";

export interface Review {
  draft: string;
  edits: readonly Edit[];
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
