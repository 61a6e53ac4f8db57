/** `rediff scenes conversations`: captions, questions and answers about pictures that are there. */
import { Command, Option } from "commander";
import { type BlankKind, blankKinds } from "../../../scenes/language/fact-blanks.js";
import { type Task, tasks } from "../../../scenes/language/scene-questions.js";
import type { World } from "../../../scenes/world/world.js";
import { addDeriveOptions, type DeriveFlags, derive, FOREIGN } from "../../options/derived-records.js";
import { whole } from "../../options/parse-values.js";

interface Flags extends DeriveFlags {
  task: Task[];
  count: number;
  wording?: World["wording"];
  blanks?: BlankKind[];
  onlyBlanks?: true;
  groups?: number[];
  foreign?: true;
}

export function scenesConversationsCommand(): Command {
  return addDeriveOptions(new Command("conversations"))
    .description("write further captions, or short questions and answers, about pictures that are there")
    .addOption(new Option("--task <TASK...>", "drawn at random").choices([...tasks]).default(["caption"]))
    .option("--count <N>", "conversations for each picture", whole(1), 1)
    .addOption(new Option("--wording <W>", "instead of the world's").choices(["plain", "free"]))
    .addOption(
      new Option("--blanks <KIND...>", "forms to fill in: learn only words of a kind, drawn at random").choices([
        ...blankKinds,
      ]),
    )
    .option("--only-blanks", "leave out answers that have none of what is to be filled in, else learnt as a whole")
    .addOption(
      new Option("--groups <N...>", "only pictures with so many kinds of objects").argParser(
        (text: string, others: number[] = []) => [...others, whole(1)(text)],
      ),
    )
    .option("--foreign", FOREIGN)
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { writeConversations } = await import("../../../scenes/records/derive-records.js");
  const { task: tasks, wording, blanks, groups, ...always } = flags;
  const chosen = { ...(wording && { wording }), ...(blanks && { blanks }), ...(groups && { groups }) };
  await derive(flags, (onProgress) => writeConversations({ ...always, ...chosen, tasks, onProgress }));
}
