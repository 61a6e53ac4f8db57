/** Why a process did not meet the others, in one line with what to do. */
import { distributed } from "@rediff/torch";
import { UserError } from "../errors.js";
import type { Place } from "./place.js";

/** @returns for an error of c10d one that says what to do; any other as it is */
export function refusal(place: Place, cause: unknown): unknown {
  if (!(cause instanceof distributed.DistributedError)) return cause;
  const { size, launcher } = place;
  const isKeeping = place.keepsStore && cause.operation === "connect";
  const hint = isKeeping ? KEEPING : [`Were all ${size} processes started?`, HINTS[launcher]].filter(Boolean).join(" ");
  return new UserError(cause.message, hint, { cause });
}

const KEEPING = "Is the port another program's? MASTER_PORT names a free one, the same for all processes.";

const HINTS: Partial<Record<Place["launcher"], string>> = {
  slurm: "In a batch script they are started by `srun`.",
  kubernetes: "MASTER_ADDR has to be the pod with index 0, as the others reach it.",
};
