/** Starts several processes on this machine that work as one, and sees to it that they end as one: what torchrun does
 *  where there is Python.
 *
 *  When one dies the others are ended, and with restarts left all begin anew: a training goes on from its last checkpoint.
 *  Rank 0 has the terminal; what another says is shown when it is the one that failed. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";

export interface LaunchOptions {
  /** The program and its arguments. */
  command: readonly string[];
  /** Processes of this machine. */
  processes: number;
  /** How often all are started again after one has failed. */
  restarts: number;
  /** A status that says that all was done but what cannot be: no failure, and in the end the launch's own. */
  partly?: number;
  /** Machines, and which of them this one is; default one. */
  nodes?: number;
  node?: number;
  /** Where rank 0 is. Default: this machine, at a free port. */
  host?: string | undefined;
  port?: number | undefined;
  /** Hears what happens, line by line. */
  onNote: (line: string) => void;
  /** Ends all: each process gets the signal that it names, once for every time. */
  onSignal?: (listener: (signal: NodeJS.Signals) => void) => void;
  /** After being told to end, a process that does not is killed. Default 30,000. */
  graceMs?: number;
}

/** How a launch ended: the status of the process that decided it. */
export interface LaunchResult {
  status: number;
  restarts: number;
}

interface End {
  rank: number;
  status: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines that it wrote on stderr; of rank 0, which has the terminal, none. */
  said: string[];
}

const SAID_LINES = 20;
/** What torchrun's users know. */
const NOT_STARTED = 127;

/** Runs all to their end. */
export async function launch(options: LaunchOptions): Promise<LaunchResult> {
  const { restarts, onNote, onSignal } = options;
  let told: NodeJS.Signals | undefined;
  let running: ChildProcess[] = [];
  onSignal?.((signal) => {
    told = signal;
    for (const child of running) child.kill(signal);
  });
  for (let attempt = 0; ; attempt++) {
    const { children, ends } = await start(options, attempt);
    running = children;
    const first = await firstFailure(ends, options.partly);
    if (first === undefined) return { status: await partlyOf(ends), restarts: attempt };
    if (told === undefined) onNote(`rank ${first.rank} ${endText(first)}; ending the others`);
    await endAll(children, ends, told === undefined ? "SIGTERM" : undefined, options.graceMs ?? 30_000);
    const status = first.status ?? 128 + 9;
    if (told !== undefined) return { status: (await ends[0])?.status ?? status, restarts: attempt };
    for (const line of first.said) onNote(`[rank ${first.rank}] ${line}`);
    if (attempt >= restarts) return { status, restarts: attempt };
    onNote(`starting all anew, restart ${attempt + 1} of ${restarts}`);
  }
}

async function start(options: LaunchOptions, attempt: number) {
  const { command, processes, nodes = 1, node = 0 } = options;
  const [program = "", ...args] = command;
  // A fresh port for each attempt: the last one's may still be in use.
  const port = options.port ?? (await freePort());
  const threads = process.env.OMP_NUM_THREADS ?? String(Math.max(1, Math.floor(availableParallelism() / processes)));
  const children: ChildProcess[] = [];
  const ends: Promise<End>[] = [];
  for (let local = 0; local < processes; local++) {
    const rank = node * processes + local;
    const child = spawn(program, args, {
      // A terminal's Ctrl-C reaches the launcher alone, which hands it on: twice would be "at once".
      detached: true,
      stdio: rank === 0 ? "inherit" : ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        REDIFF_LAUNCH: "1",
        OMP_NUM_THREADS: threads,
        RANK: String(rank),
        WORLD_SIZE: String(nodes * processes),
        LOCAL_RANK: String(local),
        LOCAL_WORLD_SIZE: String(processes),
        GROUP_RANK: String(node),
        MASTER_ADDR: options.host ?? "127.0.0.1",
        MASTER_PORT: String(port),
        REDIFF_RESTART_COUNT: String(attempt),
      },
    });
    children.push(child);
    ends.push(endOf(child, rank));
  }
  return { children, ends };
}

function endOf(child: ChildProcess, rank: number): Promise<End> {
  let said: string[] = [];
  let open = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (open + text).split("\n");
    open = lines.pop() ?? "";
    said = [...said, ...lines].slice(-SAID_LINES);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ rank, status: NOT_STARTED, signal: null, said: [error.message] }));
    child.once("close", (status, signal) =>
      resolve({ rank, status, signal, said: open === "" ? said : [...said, open].slice(-SAID_LINES) }),
    );
  });
}

/** The first process that ends otherwise than well; undefined when all end well. */
function firstFailure(ends: readonly Promise<End>[], partly = 0): Promise<End | undefined> {
  const isFailure = ({ status }: End): boolean => status !== 0 && status !== partly;
  return new Promise((resolve) => {
    for (const end of ends) void end.then((one) => isFailure(one) && resolve(one));
    void Promise.all(ends).then((all) => resolve(all.find(isFailure)));
  });
}

/** Where none failed: 0, or what says that some inputs did. */
async function partlyOf(ends: readonly Promise<End>[]): Promise<number> {
  return (await Promise.all(ends)).reduce((most, { status }) => Math.max(most, status ?? 0), 0);
}

const endText = ({ status, signal }: End): string =>
  signal === null ? `ended with status ${status}` : `was killed by ${signal}`;

async function endAll(
  children: readonly ChildProcess[],
  ends: readonly Promise<End>[],
  signal: NodeJS.Signals | undefined,
  graceMs: number,
): Promise<void> {
  const sendAll = (name: NodeJS.Signals): void => {
    for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill(name);
  };
  if (signal !== undefined) {
    sendAll(signal);
    // A training takes the first as "after this step", and waits there for a rank that is no more.
    const again = setTimeout(() => sendAll(signal), Math.min(1000, graceMs / 2));
    const kill = setTimeout(() => sendAll("SIGKILL"), graceMs);
    await Promise.all(ends);
    clearTimeout(again);
    clearTimeout(kill);
  } else await Promise.all(ends);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
