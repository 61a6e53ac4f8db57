/** Texts of the command line to values, and flags that were given to options. */
import { InvalidArgumentError } from "commander";

export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
  };
}

export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

/** The clock behind timers ends at 2^31 milliseconds, and what is beyond would be over at once. */
const MOST_SECONDS = 2_000_000;

export function seconds(least: number): (text: string) => number {
  return (text) => {
    const value = decimal(text);
    if (value >= least && value <= MOST_SECONDS) return value;
    throw new InvalidArgumentError(`It must be a number of seconds from ${least} to ${MOST_SECONDS}.`);
  };
}

/** For an option that may be given again. */
export const collect = (text: string, others: readonly string[] = []): string[] => [...others, text];

/** Drops what was not given, so that the library's defaults hold. */
export function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
