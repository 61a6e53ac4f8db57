/** All that the page knows. Views read it; the functions of each tab change it (describe/describe-actions.ts and its
 *  like). */
import type { ChatMessage } from "../chat/chat-state.js";
import type { DescribeState } from "../describe/describe-state.js";
import type { FillState } from "../fill/fill-state.js";
import type { PictureState } from "../picture/picture-state.js";
import type { ProofreadState } from "../proofread/proofread-state.js";
import type { Catalog } from "../scene/scene.js";
import type { Model, Readiness } from "../server/messages.js";
import type { Problem } from "../server/problem.js";

export const tabs = ["describe", "proofread", "fill", "chat"] as const;
export type Tab = (typeof tabs)[number];
export type Theme = "system" | "light" | "dark";

export interface ChatState {
  draft: string;
  messages: readonly ChatMessage[];
  busy: boolean;
  problem: Problem | undefined;
}

export interface State {
  tab: Tab;
  theme: Theme;
  /** "connecting" before the first answer. */
  server: Readiness | "connecting" | "gone";
  serverProblem: Problem | undefined;
  /** All that the server has, and the one that answers. */
  models: readonly Model[];
  model: Model | undefined;
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
}
