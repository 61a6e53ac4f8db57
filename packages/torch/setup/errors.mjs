// @ts-check
/** What stops a set-up: `message` says what was expected and what came, `hint` what to do about it.
 *  A class of its own, since this folder runs before anything of the project is installed or compiled. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";

  /**
   * @param {string} message
   * @param {string} hint
   */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }

  /** The whole story in one line; in several when the message quotes what a program said. */
  get line() {
    return `${this.message}${this.message.endsWith("\n") ? "" : ". "}${this.hint}`;
  }
}

/** The command as it was typed cannot be carried out: status 2, as of `rediff`. */
export class UsageError extends SetupError {}
