/** `rediff recipe ls` and `rediff recipe cp NAME`: the recipes that come with the package, and copies to change. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { nearest } from "../../options/near-name.js";
import { namedRecipes, type ShippedRecipe, shippedRecipes } from "../../training/recipe/shipped-recipes.js";
import { begin } from "../exit-status.js";
import { addCommands } from "../options/command-group.js";
import { answerLine, noteLine } from "../terminal/lines.js";

const HELP = `
Examples:
  $ rediff recipe ls
  $ rediff recipe cp rediff/stage1
  $ rediff recipe cp llada-v/finetune mine.yaml
  $ rediff train mine.yaml model=path/to/LLaDA-V output=exp/mine
`;

export function recipeCommand(): Command {
  const group = new Command("recipe").description("list and copy the recipes that come with it");
  addCommands(group, [listCommand(), copyCommand()]);
  return group.addHelpText("after", HELP);
}

function listCommand(): Command {
  return new Command("ls")
    .description("name the recipes, and what each is for")
    .option("--json", "print one JSON line per recipe")
    .action((flags: { json?: true }) => {
      begin();
      const all = shippedRecipes();
      const width = Math.max(...all.map(({ name }) => name.length));
      const line = ({ name, about }: ShippedRecipe) => `${name.padEnd(width)}  ${about}`;
      answerLine(all.map((each) => (flags.json ? JSON.stringify(each) : line(each))).join("\n"));
    });
}

function copyCommand(): Command {
  return new Command("cp")
    .description("copy a recipe, to change it")
    .argument("<NAME>", "as `rediff recipe ls` has it")
    .argument("[OUT]", "the file (default recipes/NAME.yaml, with the recipes that it names beside it)")
    .option("--force", "write over what is there")
    .action(copy);
}

async function copy(name: string, out: string | undefined, flags: { force?: true }): Promise<void> {
  const all = shippedRecipes();
  const wanted = all.find((each) => each.name === name.replace(/^recipes\//, "").replace(/\.yaml$/, ""));
  if (wanted === undefined) throw unknown(name, all);
  const text = await readFile(wanted.file, "utf8");
  const others = namedRecipes(text, all);
  const copies = (out === undefined ? [wanted, ...others] : [wanted]).map(({ name, file }) => ({
    file,
    target: out ?? `recipes/${name}.yaml`,
  }));
  const taken = copies.find(({ target }) => existsSync(target));
  if (taken !== undefined && !flags.force)
    throw new UserError(`${taken.target} is there already`, "Name another file, or write over it with --force.");
  begin();
  for (const { file, target } of copies) {
    await writeText(target, await readFile(file, "utf8"));
    answerLine(target);
  }
  if (out !== undefined)
    for (const other of others)
      noteLine(`rediff: it names recipes/${other.name}.yaml; get that with: rediff recipe cp ${other.name}`);
}

function unknown(name: string, all: readonly ShippedRecipe[]): UserError {
  const near = nearest(
    name,
    all.map((each) => each.name),
  );
  return new UserError(
    `there is no recipe ${JSON.stringify(name)}`,
    near === undefined ? "rediff recipe ls has their names." : `Did you mean ${near}? rediff recipe ls has all names.`,
  );
}
