/** Placeholder. */
import type { GoldenCase, Outcome } from "./case.js";

export async function run(_goldenCase: GoldenCase): Promise<Outcome> {
  return { status: "skipped", deviation: Number.NaN, note: "not built yet" };
}
