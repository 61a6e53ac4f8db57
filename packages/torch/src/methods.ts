/** Gives tensors their operators as methods: `add(a, b)` is `a.add(b)` as well.
 *
 *  Operators are built on tensors, so these methods come to the class from above. Whatever has read index.ts has them;
 *  the files below it call the functions. */

import { TensorMethods } from "./generated/tensor-methods.generated.js";
import { FamiliarMethods } from "./indexing/familiar.js";
import { Tensor } from "./tensor.js";

declare module "./tensor.js" {
  interface Tensor extends TensorMethods, FamiliarMethods {}
}

for (const { prototype } of [TensorMethods, FamiliarMethods]) {
  const { constructor: _, ...methods } = Object.getOwnPropertyDescriptors(prototype);
  Object.defineProperties(Tensor.prototype, methods);
}
