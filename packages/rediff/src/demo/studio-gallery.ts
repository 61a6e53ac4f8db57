/** What the studio opens with, and its gallery: chosen by rules, never by hand.
 *
 *  Everything is made of the table's held-out scenes. The first scene is the ordinary one: of all of them the first whose
 *  figures, for both models at the page's settings, are nearest to the published table's. The others are the first of the
 *  list, whatever the models make of them. Captions with planted errors are made as for the table of `refine`. */
import { z } from "zod";
import { writeCaption } from "../scenes/language/caption-plan.js";
import { type BlankKind, findBlanks } from "../scenes/language/fact-blanks.js";
import { errorKinds, plantError } from "../scenes/language/planted-error.js";
import { evaluate, type Figure, scoreCaption, type Tally } from "../scenes/scoring/score.js";
import type { Facts } from "../scenes/world/facts.js";
import { rng } from "../scenes/world/purpose-random.js";
import { sampleFacts } from "../scenes/world/random-facts.js";
import { makeWorld, type Style, trainingStyles } from "../scenes/world/world.js";
import { TABLE_SEED } from "./demo-table.js";

/** Of the held-out scenes, in the table and here. */
export const HELD_OUT = 500;
/** As the page is set when it is opened. */
export const PAGE_TOKENS_PER_STEP = 4;
/** Scenes of the gallery beside the first. */
const OTHERS = 11;
const judged: readonly Figure[] = ["coverage", "precision", "position", "grammar", "exact"];

export interface HeldOutScene {
  /** Among the table's scenes. */
  number: number;
  style: Style;
  facts: Facts;
}

/** Scene `number` of the table's, without its picture: the page draws it. */
export function heldOutScene(number: number): HeldOutScene {
  const facts = sampleFacts(makeWorld("demo"), rng(TABLE_SEED, "facts", number), "train");
  return { number, style: rng(TABLE_SEED, "style", number).pick(trainingStyles), facts };
}

/** Captions of all held-out scenes as the page draws them, by both models: packages/studio/e2e/measure-scenes.mjs. */
export const captionsSchema = z.object({
  /** LLaDA-V's objective, not revising. */
  baseline: z.array(z.string()).length(HELD_OUT),
  /** The embedded model, revising. */
  rediff: z.array(z.string()).length(HELD_OUT),
});
export type PageCaptions = z.infer<typeof captionsSchema>;

/** Of docs/demo/table.json what is used here. */
export const tableSchema = z.object({
  scored: z.array(
    z.object({
      stage: z.string(),
      tokensPerStep: z.number(),
      revise: z.boolean(),
      scores: z.object({ pictures: z.number(), values: z.record(z.string(), z.number().nullable()) }),
    }),
  ),
});
type Table = z.infer<typeof tableSchema>;

function tableRow(table: Table, stage: string, revise: boolean): Table["scored"][number]["scores"] {
  const row = table.scored.find(
    (cell) => cell.stage === stage && cell.revise === revise && cell.tokensPerStep === PAGE_TOKENS_PER_STEP,
  );
  if (row === undefined) throw new Error(`the table has no line of ${stage} with ${PAGE_TOKENS_PER_STEP} per step`);
  return row.scores;
}

/** Sum of squares over the figures that the table's summary shows; what cannot be measured counts as 0. */
function distance(tally: Tally, means: Readonly<Record<string, number | null>>): number {
  const values = evaluate([tally]);
  return judged.reduce((sum, figure) => sum + ((values[figure] ?? 0) - (means[figure] ?? 0)) ** 2, 0);
}

/** @returns the number of the first scene nearest to the table's figures of both models */
export function ordinaryScene(tallies: { baseline: readonly Tally[]; rediff: readonly Tally[] }, table: Table): number {
  const [baseline, rediff] = [tableRow(table, "llada_v", false), tableRow(table, "rediff", true)];
  const distances = tallies.baseline.map(
    (tally, i) => distance(tally, baseline.values) + distance(tallies.rediff[i] as Tally, rediff.values),
  );
  return distances.indexOf(Math.min(...distances));
}

/** The page's data file. */
export function studioGallery(captions: PageCaptions, table: Table) {
  const scenes = Array.from({ length: HELD_OUT }, (_, number) => heldOutScene(number));
  const score = (texts: readonly string[]) =>
    texts.map((text, i) => scoreCaption(text, (scenes[i] as HeldOutScene).facts));
  const tallies = { baseline: score(captions.baseline), rediff: score(captions.rediff) };
  const first = ordinaryScene(tallies, table);
  const numbers = [first, ...scenes.map(({ number }) => number).filter((number) => number !== first)];
  const chosen = numbers.slice(0, 1 + OTHERS).map((number) => scenes[number] as HeldOutScene);
  const count = (baseline: number, rediff: number) =>
    tallies.baseline.filter((tally, i) => tally.exact === baseline && tallies.rediff[i]?.exact === rediff).length;
  const published = (stage: string, revise: boolean) => {
    const { pictures, values } = tableRow(table, stage, revise);
    return { pictures, exact: Math.round((values.exact ?? 0) * pictures) };
  };
  return {
    tokensPerStep: PAGE_TOKENS_PER_STEP,
    scenes: chosen,
    drafts: chosen.map(plantedDraft),
    templates: chosen.map(template),
    /** Captions without any error in the published table. */
    table: { baseline: published("llada_v", false), rediff: published("rediff", true) },
    /** The same scenes as the page draws them: of how many which side is without an error. */
    page: {
      scenes: HELD_OUT,
      both: count(1, 1),
      rediffOnly: count(0, 1),
      baselineOnly: count(1, 0),
      neither: count(0, 0),
    },
  };
}

/** The kinds take turns; every sixth is a right caption. */
function plantedDraft({ number, facts }: HeldOutScene, index: number) {
  const turn = [...errorKinds, undefined][index % (errorKinds.length + 1)];
  const random = rng("studio gallery", number);
  const world = makeWorld("demo");
  const planted = (turn && plantError(facts, turn, world, random)) ?? plantError(facts, "object", world, random);
  if (planted === undefined) throw new Error(`no error can be planted in scene ${number}`);
  const text = turn === undefined ? planted.right : planted.draft;
  return { kind: turn === undefined ? ("none" as const) : planted.kind, text, right: planted.right };
}

const blanked: readonly BlankKind[] = ["names", "positions", "numbers", "colors"];

/** A true caption with the facts of one kind left open; the kinds take turns. Words side by side are one blank. */
function template({ number, facts }: HeldOutScene, index: number): string {
  const caption = writeCaption(facts, "free", rng("studio template", number));
  const blanks: { start: number; end: number; words: number }[] = [];
  for (const [start, end] of findBlanks(caption, blanked[index % blanked.length] ?? "names")) {
    const last = blanks.at(-1);
    if (last !== undefined && caption.slice(last.end, start) === " ") {
      last.end = end;
      last.words++;
    } else blanks.push({ start, end, words: 1 });
  }
  return blanks.reduceRight(
    (text, { start, end, words }) => `${text.slice(0, start)}[[${words}]]${text.slice(end)}`,
    caption,
  );
}
