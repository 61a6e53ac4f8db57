/** `rediff scenes ...`: a world of generated pictures whose truth is known. Only `model` and `tower` need libtorch. */
import { Command } from "commander";
import { addCommands } from "../../options/command-group.js";
import { scenesConversationsCommand } from "./scenes-conversations.js";
import { scenesCorruptCommand } from "./scenes-corrupt.js";
import { scenesExpertCommand } from "./scenes-expert.js";
import { scenesGenerateCommand } from "./scenes-generate.js";
import { scenesModelCommand } from "./scenes-model.js";
import { scenesScoreCommand } from "./scenes-score.js";
import { scenesTokenizerCommand } from "./scenes-tokenizer.js";
import { scenesTowerCommand } from "./scenes-tower.js";

const HELP = `
Pictures are composed of emoji artwork; docs/scenes.md describes the world, what is held out, and every figure.

Examples:
  $ rediff scenes generate --count 20000 --seed 1 --output scenes/train
  $ rediff scenes generate --count 500 --seed 2 --style held-out --output scenes/test
  $ rediff caption scenes/test/pictures --output test.jsonl
  $ rediff scenes score --predictions test.jsonl --truth scenes/test/scenes.jsonl
  $ rediff scenes corrupt --truth scenes/train/scenes.jsonl --output scenes/train/errors.jsonl
  $ rediff scenes expert --truth scenes/train/scenes.jsonl --port 8100
`;

export function scenesCommand(): Command {
  const group = new Command("scenes")
    .description("generate pictures with a known truth, score captions, correct drafts")
    .addHelpText("after", HELP);
  return addCommands(group, [
    scenesGenerateCommand(),
    scenesConversationsCommand(),
    scenesCorruptCommand(),
    scenesScoreCommand(),
    scenesExpertCommand(),
    scenesTokenizerCommand(),
    scenesModelCommand(),
    scenesTowerCommand(),
  ]);
}
