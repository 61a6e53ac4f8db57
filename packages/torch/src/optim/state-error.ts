/** Saved state that an optimizer or an average cannot go on from: of other parameters, or of other settings. */
export class StateError extends Error {
  override name = "StateError";
}
