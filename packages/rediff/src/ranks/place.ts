/** Which of several processes this one is, as launchers tell it: by variables of the environment.
 *
 *  - torchrun (`--no-python`) and `rediff launch`: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT. torchrun keeps
 *    the store itself, and counts restarts: keys begin with /worker/attempt_N then, as torch's own rendezvous has it.
 *  - Slurm (srun): SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID; the first host of SLURM_NODELIST keeps the store, at a port
 *    made of the job's number.
 *  - Kubernetes (an indexed Job, a JobSet): JOB_COMPLETION_INDEX, with WORLD_SIZE and MASTER_ADDR in the pod's template.
 *  - Kubeflow's TrainJob, one process a pod: PET_NODE_RANK, PET_NNODES, PET_MASTER_ADDR, PET_MASTER_PORT. */
import { UserError } from "../errors.js";

export interface Place {
  rank: number;
  size: number;
  /** Among the processes of this machine: the number of its GPU. */
  localRank: number;
  /** Where the store is. */
  host: string;
  port: number;
  /** Whether this process keeps it. */
  keepsStore: boolean;
  /** Put before the store's keys; "" for none. */
  prefix: string;
  launcher: "torchrun" | "rediff launch" | "slurm" | "kubernetes" | "kubeflow";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** torch's own. */
const PORT = 29_500;

/** Undefined for a process that was started alone, and for one that is the only one of its launcher.
 *  @throws UserError where the variables contradict each other, or one is missing */
export function placeOf(env: Environment = process.env): Place | undefined {
  const place = fromVariables(env) ?? fromKubeflow(env) ?? fromKubernetes(env) ?? fromSlurm(env);
  if (place === undefined) return undefined;
  if (place.rank >= place.size)
    throw new UserError(
      `rank ${place.rank} of ${place.size} processes (${place.launcher}): ranks count from 0 to ${place.size - 1}`,
      "The launcher's variables contradict each other.",
    );
  return place.size === 1 ? undefined : place;
}

function fromVariables(env: Environment): Place | undefined {
  if (env.RANK === undefined || env.WORLD_SIZE === undefined) return undefined;
  const rank = whole(env, "RANK");
  const hasAgent = env.TORCHELASTIC_USE_AGENT_STORE === "True";
  const attempt = env.TORCHELASTIC_RESTART_COUNT ?? "0";
  return {
    rank,
    size: whole(env, "WORLD_SIZE", 1),
    localRank: env.LOCAL_RANK === undefined ? 0 : whole(env, "LOCAL_RANK"),
    ...masterOf(env, "MASTER_ADDR", "MASTER_PORT"),
    keepsStore: !hasAgent && rank === 0,
    prefix: hasAgent ? `/worker/attempt_${attempt}` : "",
    launcher: env.REDIFF_LAUNCH === undefined ? "torchrun" : "rediff launch",
  };
}

function fromKubeflow(env: Environment): Place | undefined {
  if (env.PET_NODE_RANK === undefined || env.PET_NNODES === undefined) return undefined;
  const processes = env.PET_NPROC_PER_NODE ?? "1";
  if (processes !== "1")
    throw new UserError(
      `PET_NPROC_PER_NODE is ${processes}: each pod is to run as many processes, and this is one`,
      "Start them with `rediff launch --nproc N -- ...`, or with torchrun --no-python, which read the same variables.",
    );
  const rank = whole(env, "PET_NODE_RANK");
  return {
    rank,
    size: whole(env, "PET_NNODES", 1),
    localRank: 0,
    ...masterOf(env, "PET_MASTER_ADDR", "PET_MASTER_PORT"),
    keepsStore: rank === 0,
    prefix: "",
    launcher: "kubeflow",
  };
}

function fromKubernetes(env: Environment): Place | undefined {
  // A Job that hands out shards has an index too, and its pods know nothing of each other.
  if (env.JOB_COMPLETION_INDEX === undefined || env.WORLD_SIZE === undefined) return undefined;
  const rank = whole(env, "JOB_COMPLETION_INDEX");
  return {
    rank,
    size: whole(env, "WORLD_SIZE", 1),
    localRank: 0,
    ...masterOf(env, "MASTER_ADDR", "MASTER_PORT"),
    keepsStore: rank === 0,
    prefix: "",
    launcher: "kubernetes",
  };
}

function fromSlurm(env: Environment): Place | undefined {
  if (env.SLURM_PROCID === undefined || env.SLURM_NTASKS === undefined) return undefined;
  const rank = whole(env, "SLURM_PROCID");
  const nodes = env.SLURM_STEP_NODELIST ?? env.SLURM_NODELIST ?? env.SLURM_JOB_NODELIST;
  const host = env.MASTER_ADDR ?? firstHost(nodes ?? "");
  if (host === undefined)
    throw new UserError(`SLURM_NODELIST is ${nodes === undefined ? "not set" : `"${nodes}"`}: no host to meet at`);
  const job = Number(env.SLURM_JOB_ID ?? "0");
  return {
    rank,
    // A step may have fewer tasks than its job.
    size: whole(env, env.SLURM_STEP_NUM_TASKS === undefined ? "SLURM_NTASKS" : "SLURM_STEP_NUM_TASKS", 1),
    localRank: env.SLURM_LOCALID === undefined ? 0 : whole(env, "SLURM_LOCALID"),
    host,
    port: env.MASTER_PORT === undefined ? 15_000 + (job % 45_000) : portOf(env, "MASTER_PORT"),
    keepsStore: rank === 0,
    prefix: "",
    launcher: "slurm",
  };
}

/** "gpu[003-006,9],login" -> "gpu003" */
export function firstHost(nodes: string): string | undefined {
  const [, name = "", list] = /^([^,[\]]+)(?:\[([^\]]+)\])?/.exec(nodes.trim()) ?? [];
  if (name === "") return undefined;
  if (list === undefined) return name;
  const [first = ""] = list.split(/[,-]/);
  return first === "" ? undefined : name + first;
}

function masterOf(env: Environment, address: string, port: string): { host: string; port: number } {
  const host = env[address];
  if (host === undefined || host === "")
    throw new UserError(
      `${address} is not set: several processes have to know where they meet`,
      `Set it to the host of rank 0 (and ${port} to a free port of it), or start them with \`rediff launch\`.`,
    );
  return { host, port: env[port] === undefined ? PORT : portOf(env, port) };
}

function portOf(env: Environment, name: string): number {
  const port = whole(env, name, 1);
  if (port > 65_535) throw new UserError(`${name} is ${port}; expected a port, from 1 to 65535`);
  return port;
}

function whole(env: Environment, name: string, least = 0): number {
  const text = env[name] ?? "";
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new UserError(`${name} is "${text}"; expected a whole number from ${least}`);
}
