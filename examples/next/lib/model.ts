/** One model for the whole server. */
import { type StartedModel, startModel } from "rediff";

/** While one develops, modules are loaded anew with every change; what hangs on globalThis stays. */
const kept: typeof globalThis & { rediffModel?: Promise<StartedModel> | undefined } = globalThis;

/** The model, started when it is first asked for: `next build` loads routes as well, and needs none. The model's process ends
 *  with the server's. */
export function sharedModel(): Promise<StartedModel> {
  kept.rediffModel ??= startModel().catch((error: unknown) => {
    kept.rediffModel = undefined; // the next request tries again
    throw error;
  });
  return kept.rediffModel;
}
