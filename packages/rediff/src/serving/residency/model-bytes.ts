/** How much memory a model will take, as far as its small files tell. */
import type { DType } from "@rediff/torch";
import type { LoadOptions } from "../../checkpoint/load-model.js";
import { memoryNeed } from "../../checkpoint/memory.js";
import { schemeFor } from "../../checkpoint/quantize/stored-format.js";
import { modelShapes } from "../../checkpoint/tensor-names.js";
import type { ModelConfig } from "../../models/llava/llava.js";
import { usualDtype } from "../../models/measured/usual-dtype.js";

/** Bytes of its weights and of a large request: an estimate, rounded up. */
export function modelBytes(config: ModelConfig, load: LoadOptions): number {
  const { quantize } = load;
  const scheme = config.quantization ?? (quantize && schemeFor(quantize));
  const { weights, activations } = memoryNeed(config, modelShapes(config), dtypeOf(load, scheme !== undefined), scheme);
  return weights + activations;
}

/** What its floating-point weights are computed in. */
export const dtypeOf = ({ device = "cpu", dtype }: LoadOptions, isRounded: boolean): DType =>
  dtype ?? usualDtype(device, isRounded).dtype;
