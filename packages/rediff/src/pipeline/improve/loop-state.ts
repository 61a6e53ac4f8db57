/** How far the loop is: `OUTPUT/improve.json`, written anew, whole, after every stage. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { parseRecipeKeys, type RecipeKeys, recipeChanges } from "../../training/recipe/recipe.js";
import type { DraftReport } from "../drafts/draft-all.js";
import { isRecord } from "../formats/exact-json.js";
import type { LoopCorrections } from "./correct-round.js";
import { type ImproveKeys, improveChanges, parseImproveKeys } from "./improve-recipe.js";
import type { Evaluation } from "./measure-round.js";
import type { RoundSelection } from "./select-round.js";
import type { TrainingReport } from "./train-round.js";

/** In the order in which they follow each other. */
export type Stage = "draft" | "correct" | "select" | "train" | "evaluate";
export const stages = ["draft", "correct", "select", "train", "evaluate"] as const satisfies readonly Stage[];

/** What each stage reports when it is done. */
export interface StageReports {
  draft: DraftReport;
  correct: LoopCorrections;
  select: RoundSelection;
  train: TrainingReport;
  evaluate: Evaluation;
}
/** What the stages of a round that are done have reported. */
export type RoundState = Partial<StageReports>;

/** Written by ourselves: what is checked is that it is such a file, and of this version. */
const report = <T>() => z.custom<T>(isRecord, "expected the report of a stage").exactOptional();
const stateSchema = z.object({
  version: z.literal(1),
  recipe: z.unknown(),
  training: z.unknown(),
  rounds: z.array(
    z.strictObject({
      draft: report<StageReports["draft"]>(),
      correct: report<StageReports["correct"]>(),
      select: report<StageReports["select"]>(),
      train: report<StageReports["train"]>(),
      evaluate: report<StageReports["evaluate"]>(),
    }),
  ),
});

export class LoopState {
  private constructor(
    readonly file: string,
    private readonly recipe: ImproveKeys,
    private readonly training: RecipeKeys,
    /** Round 0 has an evaluation at most. */
    private readonly rounds: RoundState[],
  ) {}

  /** @throws UserError when the folder has a loop of another recipe */
  static async open(recipe: ImproveKeys, training: RecipeKeys): Promise<LoopState> {
    const file = join(recipe.output, "improve.json");
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new UserError(`${file} cannot be read: ${error.message}`);
    });
    if (text === undefined) return new LoopState(file, recipe, training, []);
    const saved = parseState(text, file);
    const origin = (group: string) => (path: readonly PropertyKey[]) => `${file}: ${group}.${path.join(".")}`;
    const changes = [
      ...improveChanges(parseImproveKeys(saved.recipe, origin("recipe")), recipe),
      ...recipeChanges(parseRecipeKeys(saved.training, origin("training")), training).map(
        (change) => `${recipe.train.recipe}: ${change}`,
      ),
    ];
    if (changes.length > 0)
      throw new UserError(
        `${recipe.output} holds a loop of another recipe (${changes.join("; ")})`,
        "Go on with the same values, or name another output.",
      );
    return new LoopState(file, recipe, training, saved.rounds);
  }

  round(number: number): RoundState {
    return this.rounds[number] ?? {};
  }

  /** Returns when it is on the disk. */
  async finish<S extends Stage>(round: number, stage: S, result: StageReports[S]): Promise<void> {
    while (this.rounds.length <= round) this.rounds.push({});
    this.rounds[round] = { ...this.rounds[round], [stage]: result };
    const { recipe, training, rounds } = this;
    await writeText(this.file, `${JSON.stringify({ version: 1, recipe, training, rounds }, null, 2)}\n`);
  }
}

function parseState(text: string, file: string): z.output<typeof stateSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${file} is no JSON`, "Name another output, or remove the folder.");
  }
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`${file}: ${issue?.path.join(".")}: ${issue?.message}`, "Was it made by another version?");
}
