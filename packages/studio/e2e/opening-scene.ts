/** The scene that the page opens with, as its board names it: whichever rules have chosen. */
import gallery from "../src/gallery/gallery.json" with { type: "json" };
import { describeCell, type Group } from "../src/scene/scene.js";

const [first] = gallery.scenes;
if (first === undefined) throw new Error("gallery.json has no scenes");

/** Accessible names of the cells that have something. */
export const openingCells: readonly string[] = first.facts.objects.map(
  (group) => `${group.position}: ${describeCell({ icon: "", size: "large", ...group } as Group)}`,
);

export const openingCell: string = openingCells[0] ?? "";

/** Where that cell is, such as "top left", with other things in it. */
export const openingPlaceWith = (what: string): RegExp => new RegExp(`^${first.facts.objects[0]?.position}: ${what}`);
