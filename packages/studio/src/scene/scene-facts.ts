/** A composed scene as facts, which captions are judged by, and facts as a scene on the board. */
import type { Group as FactGroup, Facts } from "../../../rediff/src/scenes/world/facts.js";
import { type Catalog, counts, type Group, type Scene } from "./scene.js";

/** What is true of the scene, as the scene world says it. */
export function factsOfScene({ cells, background }: Scene, catalog: Catalog): Facts {
  const objects = cells.flatMap((group, cell): FactGroup[] => {
    if (group === undefined) return [];
    const { name, count, size } = group;
    const position = catalog.positions[cell] as FactGroup["position"];
    return [{ name, count, position, ...(count === 1 && { size }) }];
  });
  return { objects, background };
}

/** Facts as a data file has them: words that a catalog knows or does not. */
interface WrittenFacts {
  objects: readonly { name: string; count: number; position: string; size?: string | undefined }[];
  background: string;
}

/** @throws Error when the catalog lacks a name or a place */
export function sceneOfFacts({ objects, background }: WrittenFacts, style: string, catalog: Catalog): Scene {
  const cells: (Group | undefined)[] = catalog.positions.map(() => undefined);
  for (const { name, count, position, size } of objects) {
    const sticker = catalog.names.find((entry) => entry.name === name);
    const cell = catalog.positions.indexOf(position);
    if (sticker === undefined || cell < 0) throw new Error(`no ${name} at the ${position} in this world`);
    // The size of several is not drawn; it is kept for when their count becomes one.
    cells[cell] = {
      ...sticker,
      count: counts.find((known) => known === count) ?? 4,
      size: size === "small" ? "small" : "large",
    };
  }
  return { style, background, cells };
}
