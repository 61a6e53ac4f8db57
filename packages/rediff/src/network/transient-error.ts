/** A failure that another try may mend. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  constructor(
    message: string,
    /** The server's own word on how long to wait (Retry-After). */
    readonly waitMs?: number,
  ) {
    super(message);
  }
}
