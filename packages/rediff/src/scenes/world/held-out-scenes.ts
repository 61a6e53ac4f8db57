/** Which scenes are kept from training: a pure function of their facts, of nothing else.
 *
 *  - Of every second name, one position: that name never stands there in training.
 *  - Of all pairs of names, one in ten: those two never meet in training.
 *
 *  Both come from hashes of the words, so a rule of a small world holds in every larger one with the same grid. A name
 *  keeps at least three of four positions, so that what is asked is to combine what was learnt, not to guess. */
import { type Group, type Position, positionsOf } from "./facts.js";
import { stableHash } from "./purpose-random.js";
import type { World } from "./world.js";

export type Split = "train" | "held-out";

const pairShare = 10;
/** Chosen so that names and positions have their even share in every world; changing them changes the splits. */
const salts = { position: "place 17661", pair: "pair 440" };

/** The position that a name never has in training, if it has one. */
export function heldOutPosition(name: string, grid: World["grid"]): Position | undefined {
  const positions = positionsOf(grid);
  return positions[stableHash(salts.position, name, grid) % (2 * positions.length)];
}

export function isHeldOutPair(one: string, other: string): boolean {
  const [first, second] = [one, other].sort();
  return stableHash(salts.pair, first ?? "", second ?? "") % pairShare === 0;
}

export function splitOf(objects: readonly Pick<Group, "name" | "position">[], grid: World["grid"]): Split {
  const positionHeld = objects.some(({ name, position }) => heldOutPosition(name, grid) === position);
  const pairHeld = objects.some(({ name }, i) => objects.slice(0, i).some((other) => isHeldOutPair(name, other.name)));
  return positionHeld || pairHeld ? "held-out" : "train";
}
