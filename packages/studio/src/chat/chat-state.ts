import type { Span } from "../text/spans.js";
import type { Trace } from "../trace/trace.js";

export interface ChatMessage {
  role: "user" | "assistant";
  text: string;
  /** With the first question about a picture. */
  picture?: { name: string; url: string } | undefined;
  /** Of a question: words that the model cannot read. */
  unread?: readonly Span[] | undefined;
  /** Of an answer: how it came about; shown while it is being written. */
  trace?: Trace | undefined;
  /** Of an answer: the id of the model. */
  model?: string | undefined;
  status: "writing" | "done" | "stopped";
}
