/** What can go wrong between page and server, each with what the user can do about it. */

export type ProblemKind =
  | "gone"
  | "loading"
  | "busy"
  | "key"
  | "too-large"
  | "refused"
  | "failed"
  | "bad-answer"
  | "bad-file"
  | "storage";

export class Problem extends Error {
  override readonly name = "Problem";

  /** @param retryAfter seconds that the server asks to wait */
  constructor(
    readonly kind: ProblemKind,
    message: string,
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

export interface Advice {
  title: string;
  detail: string;
  /** To be typed into a terminal. */
  command?: string;
  /** Seconds until trying again makes sense; absent where only something else helps. */
  retryIn?: number;
}

/** @param startedBy what started the server, as it said itself while it was there; undefined where it is not the user's */
export function adviceFor({ kind, message, retryAfter }: Problem, startedBy: string | undefined): Advice {
  switch (kind) {
    case "gone":
      return {
        title: "The server does not answer",
        detail:
          startedBy === undefined
            ? "It may have been stopped. Retry when it is there again; what is on this page stays."
            : "It may have been stopped. Start it again, then retry; what is on this page stays.",
        ...(startedBy !== undefined && { command: startedBy }),
        retryIn: 0,
      };
    case "loading":
      return {
        title: "The model is not ready yet",
        detail: "The server is loading it. Try again shortly.",
        retryIn: 3,
      };
    case "busy":
      return {
        title: "The server is busy",
        detail: "Its queue is full. A place should be free in a moment.",
        retryIn: retryAfter ?? 5,
      };
    case "key":
      return {
        title: "This server asks for a key",
        detail: "Enter an API key: the button with the key, at the top right.",
      };
    case "too-large":
      return {
        title: "Too large for this server",
        detail: "Choose a smaller picture, or raise the server's limit for the size of requests.",
      };
    case "refused":
      return { title: "The server cannot do that", detail: message };
    case "failed":
      return { title: "The server failed", detail: message, retryIn: 0 };
    case "bad-answer":
      return {
        title: "The answer cannot be read",
        detail: `${message} Is this page of the same version as the server?`,
        retryIn: 0,
      };
    case "bad-file":
      return { title: "This file cannot be used", detail: message };
    case "storage":
      return {
        title: "This is not being kept",
        detail: `${message} What is on this page is there until it is closed. Delete earlier runs, or save what you need as a file.`,
      };
  }
}

/** How to start the server with a model of one's own, in the words in which it was started. */
export function modelCommand(startedBy: string | undefined): string {
  return startedBy?.startsWith("npm start") ? "npm start -- --model FOLDER" : "npx rediff serve --model FOLDER";
}

/** Anything that was thrown; an abort is none (undefined). */
export function problemOf(thrown: unknown): Problem | undefined {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError") return undefined;
  return new Problem("failed", thrown instanceof Error ? thrown.message : String(thrown));
}
