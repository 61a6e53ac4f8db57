/** How this process and the others make one update, as a recipe wants it. */
import type { LateWeights } from "../../checkpoint/late-weights.js";
import type { Ranks } from "../../ranks/ranks.js";
import type { TrainableModel } from "../backward/parameters.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { alone, dividedExchange, type Exchange, wholeExchange } from "./exchange.js";
import { fullExchange } from "./full-exchange.js";

export function exchangeOf(
  { sharding, checkpointing }: Pick<RecipeKeys, "sharding" | "checkpointing">,
  trainable: TrainableModel,
  ranks: Ranks | undefined,
  late?: LateWeights,
): Exchange {
  if (ranks === undefined) return alone(trainable.parameters);
  if (sharding === "full") return fullExchange(trainable, ranks.group, checkpointing, late);
  return (sharding === "none" ? wholeExchange : dividedExchange)(trainable.parameters, ranks.group);
}
