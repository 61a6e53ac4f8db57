/** Why the engine could not answer, when it is not the request's fault. */
export type EngineProblem = "busy" | "loading" | "draining" | "crashed" | "failed";

export class EngineError extends Error {
  override readonly name = "EngineError";
  constructor(
    readonly problem: EngineProblem,
    message: string,
    /** Seconds after which it is worth trying again. */
    readonly retryAfter?: number,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
