// Random weights through @rediff/torch: one tensor at a time, straight to the file.

import { Generator, randn, saveSafetensors } from "@rediff/torch";

/** Writes `{ name, shape, mean, std }[]` as one float32 safetensors file. */
export async function writeTensors(path, tensors, seed) {
  const generator = new Generator(seed);
  saveSafetensors(
    path,
    tensors.map(({ name, shape, mean, std }) => ({
      name,
      shape,
      dtype: "float32",
      tensor: () => randn(shape, generator).mul(std).add(mean),
    })),
    { metadata: { format: "pt" } },
  );
}
