/** The projector and the newline vector of an untrained LLaDA-V: fresh, or from the projector's pretraining.
 *  D width of the language model, C of the vision tower. */
import { type DType, empty, Generator, randn, scope, type Tensor, type TensorSource, uniform_ } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { Shapes } from "../tensor-names.js";
import { openCheckpoint } from "../weights.js";
import { isZip } from "./stored-zip.js";
import { readTorchFile } from "./torch-pickle.js";

/** Fresh values, the numbers that Python's torch makes of the same seed: those of nn.Linear, layer after layer (weight,
 *  then bias, both uniform within 1 / sqrt(C)), then the newline, normal with deviation 1 / sqrt(D).
 *  @param shapes of the projector in this order, and of `model.image_newline` if there is one */
export function freshProjector(shapes: Shapes, seed: number): Map<string, Tensor> {
  return scope(() => {
    using generator = new Generator(seed);
    const made = new Map<string, Tensor>();
    let bound = 0;
    for (const [name, shape] of shapes) {
      const [width = 1, fanIn] = shape;
      // kaiming_uniform with a = sqrt(5), computed as torch does so that not even the last bit differs
      if (fanIn !== undefined) bound = Math.sqrt(3) * (Math.sqrt(2 / (1 + Math.sqrt(5) ** 2)) / Math.sqrt(fanIn));
      made.set(
        name,
        name === NEWLINE
          ? randn(shape, generator).div(Math.sqrt(width))
          : uniform_(empty(shape), -bound, bound, { generator }),
      );
    }
    return made;
  });
}

const NEWLINE = "model.image_newline";

/** Values from a file: safetensors, or the mm_projector.bin that the original's pretraining writes. The newline may be
 *  in it or not, as that stage has none.
 *  @throws UserError listing what does not fit */
export function readProjector(path: string, shapes: Shapes): Map<string, Tensor> {
  return scope(() => {
    const stored = path.endsWith(".safetensors") || !isZip(path) ? readSafetensors(path) : readTorchFile(path);
    const found = new Map([...stored].map(([name, tensor]) => [canonicalName(name), tensor]));
    const wrong: string[] = [];
    for (const [name, shape] of shapes) {
      const tensor = found.get(name);
      if (tensor === undefined && name !== NEWLINE) wrong.push(`${name} is missing`);
      else if (tensor !== undefined && tensor.shape.join() !== shape.join())
        wrong.push(`${name} is [${tensor.shape.join(", ")}], expected [${shape.join(", ")}]`);
    }
    for (const name of found.keys()) if (!shapes.has(name)) wrong.push(`${name} is not part of it`);
    if (wrong.length > 0)
      throw new UserError(
        `${path} does not fit the projector: ${wrong.join("; ")}`,
        "Are --projector, LLaDA and tower the ones that it was trained with?",
      );
    return found;
  });
}

function readSafetensors(path: string): Map<string, Tensor> {
  using checkpoint = openCheckpoint(path);
  return new Map(checkpoint.names().map((name) => [name, checkpoint.get(name)]));
}

/** Wrappers of training frameworks put something before `model.`. */
function canonicalName(name: string): string {
  for (const part of ["mm_projector.", "image_newline"]) {
    const at = name.indexOf(part);
    if (at >= 0) return `model.${name.slice(at)}`;
  }
  return name;
}

/** For writing, in the wanted dtype. */
export function tensorSources(tensors: Map<string, Tensor>, dtype: DType): TensorSource[] {
  return [...tensors].map(([name, tensor]) => ({
    name,
    dtype,
    shape: tensor.shape,
    tensor: () => scope(() => tensor.to({ dtype })),
  }));
}
