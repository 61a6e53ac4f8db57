/** What commands have in common that several processes carry out together: they meet before anything is loaded, work for
 *  nobody when their launcher is gone, and with GPUs each takes its own. */
import { watchParent } from "../../ranks/parent-watch.js";
import type { Place } from "../../ranks/place.js";
import type { SharedWork } from "../../ranks/shared-work.js";
import { needTorch } from "../options/load-engine.js";

/** Meets the others for as long as `use` takes. @throws UserError when rank 0 does not come */
export async function joinWork<T>(place: Place, use: (work: SharedWork) => Promise<T>): Promise<T> {
  await needTorch();
  const { SharedWork } = await import("../../ranks/shared-work.js");
  await using work = await SharedWork.join(place);
  using _ = place.launcher === "rediff launch" ? watchParent(() => process.kill(process.pid, "SIGTERM")) : undefined;
  return await use(work);
}

/** The flags of one process: "cuda" is the GPU of its number on this machine. */
export const flagsOfRank = <F extends { device: string }>(flags: F, { localRank }: Place): F =>
  flags.device === "cuda" ? { ...flags, device: `cuda:${localRank}` } : flags;
