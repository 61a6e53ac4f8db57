/** Layers, and how their weights begin. `import { nn } from "@rediff/torch"`. */
export * as init from "./init.js";
export {
  Conv2d,
  type ConvOptions,
  Dropout,
  Embedding,
  LayerNorm,
  Linear,
  type RandomLayerOptions,
  RmsNorm,
  Sequential,
} from "./layers.js";
export { Module } from "./module.js";
