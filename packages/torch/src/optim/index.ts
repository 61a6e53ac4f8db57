/** Optimizers, and what goes with them. `import { optim } from "@rediff/torch"`. */
export { AdamW, type AdamWOptions } from "./adamw.js";
export {
  clipBy,
  clipGradients,
  dropGradients,
  gradientNorm,
  nonFiniteGradients,
  type WithGradient,
} from "./clip-gradients.js";
export { Ema, type EmaOptions } from "./ema.js";
export { freeGradient, type Parameter, type ParameterGroup, parametersOf } from "./parameter.js";
export { learningRateFactor, SCHEDULES, type ScheduleName, type ScheduleOptions, warmupSteps } from "./schedule.js";
export { Sgd, type SgdOptions } from "./sgd.js";
export { StateError } from "./state-error.js";
