/** All that the page knows. Views read it; the functions of each tab change it (describe/describe-actions.ts and its
 *  like). */
import type { ChatMessage } from "../chat/chat-state.js";
import type { DescribeState } from "../describe/describe-state.js";
import type { FillState } from "../fill/fill-state.js";
import type { Session, Summary } from "../keep/saved-parts.js";
import type { PictureState } from "../picture/picture-state.js";
import type { ProofreadState } from "../proofread/proofread-state.js";
import type { Catalog } from "../scene/scene.js";
import type { Model, Pull, Readiness } from "../server/messages.js";
import type { Problem } from "../server/problem.js";

export const tabs = ["describe", "proofread", "fill", "chat", "runs", "api"] as const;
export type Tab = (typeof tabs)[number];
export type Theme = "system" | "light" | "dark";

export interface ChatState {
  draft: string;
  messages: readonly ChatMessage[];
  busy: boolean;
  problem: Problem | undefined;
}

export interface RunsState {
  /** Newest first; undefined before they are read. */
  list: readonly Summary[] | undefined;
  /** Ids of those that are chosen, two at most. */
  chosen: readonly string[];
}

/** Models of the hub that the server pulls. */
export interface AddingState {
  /** Whether it does. */
  allowed: boolean;
  /** As typed. */
  name: string;
  /** The newest, as the server says. */
  pull: Pull | undefined;
  problem: Problem | undefined;
}

export interface State {
  tab: Tab;
  /** What the tab shows, of the page's address. */
  rest: readonly string[];
  theme: Theme;
  /** "connecting" before the first answer. */
  server: Readiness | "connecting" | "gone";
  serverProblem: Problem | undefined;
  /** All that the server has. */
  models: readonly Model[];
  /** Id of the one that was chosen to answer (models/answering.ts); undefined for the first. */
  wanted: string | undefined;
  /** Of the models. */
  menu: { open: boolean };
  adding: AddingState;
  /** What started the server. */
  command: string | undefined;
  catalog: Catalog | undefined;
  key: string;
  /** For screen readers: what just happened. */
  announcement: string;
  picture: PictureState;
  describe: DescribeState;
  proofread: ProofreadState;
  fill: FillState;
  chat: ChatState;
  runs: RunsState;
  /** Keeping all this in the browser. */
  keeping: { problem: Problem | undefined };
  /** What the page had before something else was opened in its place; without it, why nothing was. */
  replaced: { by: string; session: Session | undefined } | undefined;
}
