/** What an inspection notices on its way. */
import { UserError } from "../../errors.js";

/** Collects what went wrong instead of stopping at the first thing. */
export class Findings {
  readonly problems: string[] = [];
  readonly notes: string[] = [];

  attempt<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      this.#add(error);
      return undefined;
    }
  }

  async attemptAsync<T>(body: () => Promise<T>): Promise<T | undefined> {
    try {
      return await body();
    } catch (error) {
      this.#add(error);
      return undefined;
    }
  }

  #add(error: unknown): void {
    if (!(error instanceof UserError)) throw error;
    if (!this.problems.includes(error.message)) this.problems.push(error.message);
  }
}
