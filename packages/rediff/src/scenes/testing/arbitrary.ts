/** Random scenes for property tests. */
import fc from "fast-check";
import { planCaption, realize } from "../caption.js";
import type { Facts } from "../facts.js";
import { rng } from "../random.js";
import { sampleFacts } from "../sample.js";
import { type WorldName, worlds } from "../world.js";

const worldNames = Object.keys(worlds) as WorldName[];

export const factsArbitrary: fc.Arbitrary<Facts> = fc
  .tuple(fc.constantFrom(...worldNames), fc.nat())
  .map(([world, seed]) => sampleFacts(worlds[world], rng("facts", seed)));

/** Facts, and the words of a caption of them in free wording. */
export const captionArbitrary: fc.Arbitrary<{ facts: Facts; words: string[] }> = fc
  .tuple(factsArbitrary, fc.nat())
  .map(([facts, seed]) => ({ facts, words: realize(planCaption(facts, "free", rng("caption", seed)), facts) }));
