/** Random scenes for property tests. */
import fc from "fast-check";
import { planCaption, realize } from "../language/caption-plan.js";
import type { Facts } from "../world/facts.js";
import { rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { type WorldName, worlds } from "../world/world.js";

const worldNames = Object.keys(worlds) as WorldName[];

export const factsArbitrary: fc.Arbitrary<Facts> = fc
  .tuple(fc.constantFrom(...worldNames), fc.nat())
  .map(([world, seed]) => sampleFacts(worlds[world], rng("facts", seed)));

/** Facts, and the words of a caption of them in free wording. */
export const captionArbitrary: fc.Arbitrary<{ facts: Facts; words: string[] }> = fc
  .tuple(factsArbitrary, fc.nat())
  .map(([facts, seed]) => ({ facts, words: realize(planCaption(facts, "free", rng("caption", seed)), facts) }));
