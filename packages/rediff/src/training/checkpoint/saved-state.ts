/** What a run's saved state does not fit is the user's to mend. */
import { optim } from "@rediff/torch";
import { UserError } from "../../errors.js";

/** Runs `body`, which takes over saved state of optimizer and average.
 *  @throws UserError when it is the state of other parameters or of other settings */
export function takingOver(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof optim.StateError)) throw error;
    throw new UserError(
      error.message,
      "Resume with the recipe and the model that the checkpoint was made with, or start anew in another output folder.",
    );
  }
}
