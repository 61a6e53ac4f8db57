/** Money: what tokens cost, and a bound that is kept by holding back, for every request under way, the most that it can
 *  cost. */
import type { Usage } from "./expert-answer.js";

/** Of a million tokens, in any currency. */
export interface Prices {
  in: number;
  out: number;
}

export const costOf = (usage: Pick<Usage, "prompt_tokens" | "completion_tokens">, prices: Prices): number =>
  (usage.prompt_tokens * prices.in + usage.completion_tokens * prices.out) / 1e6;

/** What a picture counts, before the expert has told: o4-mini counts 2,642 tokens at most (1,536 patches, each 1.72). */
const PICTURE_TOKENS = 3000;

/** The tokens that a request may be billed for, with room to spare. A token is rarely shorter than two bytes.
 *  @param most the most that any request was billed for so far: some experts count far more for a picture */
export function estimateUsage(textBytes: number, maxCompletionTokens: number, most: number, pictures = 1): Usage {
  const prompt = Math.max(most, Math.ceil(textBytes / 2) + pictures * PICTURE_TOKENS);
  return { prompt_tokens: prompt, completion_tokens: maxCompletionTokens };
}

/** Not even one more request may be sent. */
export class BudgetSpent extends Error {}

export class Budget {
  #held = 0;
  #holders = 0;
  #waiting: (() => void)[] = [];

  /** @param limit undefined for none. @param spent what was spent before */
  constructor(
    private readonly limit: number | undefined,
    private spent: number,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#wake());
  }

  /** Holds `amount` back, once the requests under way leave room for it.
   *  @throws BudgetSpent when there is no room although none is under way */
  async hold(amount: number): Promise<void> {
    this.signal.throwIfAborted();
    while (this.limit !== undefined && this.spent + this.#held + amount > this.limit) {
      if (this.#holders === 0) throw new BudgetSpent();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.signal.throwIfAborted();
    }
    this.#held += amount;
    this.#holders++;
  }

  /** Gives back what was held, and counts what it came to. */
  settle(held: number, spent: number): void {
    this.#holders--;
    // Sums of fractions leave crumbs.
    this.#held = this.#holders === 0 ? 0 : this.#held - held;
    this.spent += spent;
    this.#wake();
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
