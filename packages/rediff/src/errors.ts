/** A mistake that the user can mend: what was expected, what came, and (in `hint`) what to do about it.
 *  The command line prints `message` and `hint` on one line and exits with 1; anything else is a bug and keeps its stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  constructor(
    message: string,
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The whole story in one line. */
  get line(): string {
    return this.hint === undefined ? this.message : `${this.message}. ${this.hint}`;
  }
}
