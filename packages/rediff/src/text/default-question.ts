/** What the demos of LLaDA-V and ReDiff ask. */
export const DEFAULT_QUESTION = "Please describe the image in detail.";
