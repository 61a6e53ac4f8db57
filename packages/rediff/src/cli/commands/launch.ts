/** `rediff launch --nproc N -- COMMAND...`: several processes on this machine that work as one. */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { launch } from "../../ranks/launch.js";
import { begin, exitStatus } from "../exit-status.js";
import { whole } from "../options/parse-values.js";
import { noteLine } from "../terminal/lines.js";

interface Flags {
  nproc: number;
  restarts: number;
  nnodes: number;
  nodeRank: number;
  masterAddr?: string;
  masterPort?: number;
}

const HELP = `
COMMAND is \`train ...\`, \`caption ...\`, \`data draft ...\` or \`evaluate ...\` with an --output, or a program that is none of
rediff's; each process gets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as under torchrun. Rank 0 has the terminal. When one dies the others are ended,
with a line that names it; with --restarts all begin anew then, and go on from the last checkpoint, or with what was done.

On several machines: the same command on each, with --nnodes, its --node-rank, and the host and port of machine 0.
Kubeflow's PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR and PET_MASTER_PORT stand for these where they are set.

Examples:
  $ rediff launch --nproc 2 -- train recipes/first.yaml
  $ rediff launch --nproc 8 --restarts 3 -- train recipes/rediff/stage1.yaml data=stage1.jsonl device=cuda
  $ rediff launch --nproc 4 --restarts 3 -- caption pictures/ --output captions.jsonl
  $ rediff launch --nproc 8 --nnodes 2 --node-rank 1 --master-addr node0 --master-port 29500 -- train mine.yaml
`;

export function launchCommand(): Command {
  const { PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR, PET_MASTER_PORT } = process.env;
  const command = new Command("launch")
    .description("run a command in several processes that work as one")
    .argument("<COMMAND...>", "what every process runs, behind --")
    .requiredOption("--nproc <N>", "processes on this machine", whole(1))
    .option("--restarts <N>", "how often all are started again when one has failed", whole(0), 0)
    .option("--nnodes <N>", "machines", whole(1), Number(PET_NNODES ?? 1))
    .option("--node-rank <N>", "which of them this one is, from 0", whole(0), Number(PET_NODE_RANK ?? 0))
    .option("--master-addr <HOST>", "machine 0, as the others reach it", PET_MASTER_ADDR)
    .option("--master-port <PORT>", "a free port of machine 0", whole(1), PET_MASTER_PORT && Number(PET_MASTER_PORT))
    .addHelpText("after", HELP)
    .action((words: string[], flags: Flags) => run(words, flags, command));
  return command;
}

async function run(words: string[], flags: Flags, self: Command): Promise<void> {
  const { nproc, restarts, nnodes, nodeRank, masterAddr, masterPort } = flags;
  if (nodeRank >= nnodes) throw new UserError(`--node-rank ${nodeRank} of ${nnodes} machines: they count from 0`);
  if (nnodes > 1 && (masterAddr === undefined || masterPort === undefined))
    throw new UserError("several machines have to know where they meet", "Give --master-addr and --master-port.");
  const { command, isOurs } = programOf(words, self);
  begin();
  const listeners: (() => void)[] = [];
  try {
    const { status } = await launch({
      command,
      processes: nproc,
      restarts,
      // Inputs that failed fail another time, too.
      ...(isOurs && { partly: exitStatus.partly }),
      ...{ nodes: nnodes, node: nodeRank, host: masterAddr, port: masterPort },
      onNote: (line) => noteLine(`rediff launch: ${line}`),
      onSignal(send) {
        for (const signal of ["SIGINT", "SIGTERM", "SIGUSR1"] as const) {
          const listener = () => send(signal);
          process.on(signal, listener);
          listeners.push(() => process.off(signal, listener));
        }
      },
    });
    process.exitCode = status;
  } finally {
    for (const off of listeners) off();
  }
}

/** Commands whose processes share the work. */
const DIVIDED = ["train", "caption", "evaluate", "data draft"];

/** A command of our own runs in the same Node and checkout as this one. */
function programOf(words: string[], self: Command): { command: string[]; isOurs: boolean } {
  const [first = ""] = words;
  const isOurs = self.parent?.commands.some((command) => command.name() === first) === true;
  const named = first === "data" ? words.slice(0, 2).join(" ") : first;
  if (isOurs && !DIVIDED.includes(named))
    throw new UserError(
      `several processes of rediff ${named} would all do the same work`,
      `Of rediff's commands ${listed(DIVIDED)} are divided among processes.`,
    );
  const bin = fileURLToPath(new URL("../../../bin/rediff.mjs", import.meta.url));
  return { command: isOurs ? [process.execPath, bin, ...words] : words, isOurs };
}

const listed = (words: readonly string[]): string => `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
