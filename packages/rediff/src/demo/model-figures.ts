/** How large a model is: read off its folder, so that no document says it by heart. */
import { openCheckpoint } from "@rediff/torch";
import { loadConfig } from "../checkpoint/config.js";

export interface ModelFigures {
  parameters: number;
  /** Of the language model. */
  width: number;
  layers: number;
  /** Pixels along a side of a picture, and patches of one. */
  size: number;
  patches: number;
  vocabulary: number;
  /** Tokens of an answer. */
  answer: number;
}

export async function modelFigures(folder: string): Promise<ModelFigures> {
  const { llada, multimodal, defaults } = await loadConfig(folder);
  using checkpoint = openCheckpoint(folder);
  const parameters = [...checkpoint.names()]
    .map((name) => checkpoint.info(name).shape.reduce((product, side) => product * side, 1))
    .reduce((sum, count) => sum + count, 0);
  const { imageSize = 0, patchSize = 1 } = multimodal?.vision ?? {};
  return {
    parameters,
    width: llada.hiddenSize,
    layers: llada.layers,
    size: imageSize,
    patches: Math.floor(imageSize / patchSize) ** 2,
    vocabulary: llada.vocabSize,
    answer: defaults.genLength ?? 0,
  };
}
