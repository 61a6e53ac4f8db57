/** Files of named tensors. */
export { type Checkpoint, openCheckpoint } from "./checkpoint.js";
export { SafetensorsError, type TensorInfo, tooDeepAt } from "./format.js";
export { readSafetensorsHeader, type SafetensorsHeader } from "./header.js";
export { SafetensorsFile } from "./read.js";
export {
  type SaveCheckpointOptions,
  type SaveOptions,
  saveCheckpoint,
  saveCheckpointInTurns,
  saveSafetensors,
  type TensorEntries,
  type TensorSource,
} from "./write.js";
