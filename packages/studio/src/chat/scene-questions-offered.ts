/** Questions to begin with about a composed scene, of the kinds that a model of the scene world answers. */
import { relatedPairs } from "../../../rediff/src/scenes/language/caption-plan.js";
import type { Relation } from "../../../rediff/src/scenes/world/facts.js";
import { findName } from "../../../rediff/src/scenes/world/object-names.js";
import type { Catalog, Scene } from "../scene/scene.js";
import { factsOfScene } from "../scene/scene-facts.js";

export function sceneQuestions(scene: Scene, catalog: Catalog): string[] {
  const facts = factsOfScene(scene, catalog);
  const [one, other] = facts.objects;
  const nounOf = ({ name, count }: { name: string; count: number }) =>
    (count === 1 ? findName(name)?.name : findName(name)?.plural) ?? name;
  const [seen] = relatedPairs(facts);
  const [first, second] = [facts.objects[seen?.group ?? -1], facts.objects[seen?.other ?? -1]];
  return [
    "Please describe the image in detail.",
    `What is at the ${one?.position ?? catalog.positions[0]}?`,
    ...(one === undefined ? [] : [`How many ${findName(one.name)?.plural ?? one.name} are there?`]),
    ...(other === undefined ? [] : [`Where ${other.count === 1 ? "is" : "are"} the ${nounOf(other)}?`]),
    "What color is the background?",
    absentQuestion(new Set(facts.objects.map(({ name }) => name)), catalog),
    ...(seen === undefined || first === undefined || second === undefined
      ? []
      : [`${first.count === 1 ? "Is" : "Are"} the ${nounOf(first)} ${words[seen.relation]} the ${nounOf(second)}?`]),
  ];
}

/** So that not every answer is yes. */
function absentQuestion(there: ReadonlySet<string>, { names }: Catalog): string {
  const absent =
    names.find(({ name }) => name === "dog" && !there.has(name)) ?? names.find(({ name }) => !there.has(name));
  return `Are there any ${findName(absent?.name ?? "")?.plural ?? "dogs"}?`;
}

const words = {
  "left of": "to the left of",
  "right of": "to the right of",
  above: "above",
  below: "below",
} as const satisfies Record<Relation, string>;
