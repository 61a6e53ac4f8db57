// @ts-check
import assert from "node:assert/strict";
import { memory, openCheckpoint } from "../../../../packages/torch/dist/index.js";
import { bytes, u64le, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {unknown} header @param {number} dataBytes */
function safetensors(header, dataBytes) {
  const text = utf8(JSON.stringify(header));
  return bytes(u64le(text.length), text, new Uint8Array(dataBytes));
}

/** @param {string} dtype @param {readonly number[]} shape @param {number} begin @param {number} end */
const tensor = (dtype, shape, begin, end) => ({ dtype, shape, data_offsets: [begin, end] });

export default defineTarget({
  covers: ["safetensors/header.js", "safetensors/read.js", "safetensors/checkpoint.js", "safetensors/format.js"],
  file: "model.safetensors",
  seeds: [
    safetensors({ a: tensor("F32", [2, 3], 0, 24), b: tensor("BF16", [4], 24, 32) }, 32),
    safetensors({ __metadata__: { format: "pt" }, x: tensor("I64", [], 0, 8), y: tensor("U8", [0, 5], 8, 8) }, 8),
    safetensors({ 'quo"te\\': tensor("BOOL", [1, 1, 1, 3], 0, 3), odd: tensor("F64", [1], 3, 11) }, 11),
    safetensors({}, 0),
  ],
  dictionary: [
    '"dtype":"F32"',
    '"shape":[0]',
    '"shape":[9007199254740993]',
    '"data_offsets":[0,0]',
    '"__metadata__":',
    '"__proto__":',
    "F16",
    "F8_E4M3",
    "U64",
    "[",
    "{",
    "-1",
    "1.5",
    "1e308",
    "null",
  ],
  run(_input, { folder }) {
    const before = memory().tensors;
    const checkpoint = openCheckpoint(folder);
    try {
      for (const name of checkpoint.names().slice(0, 20)) {
        const tensor = checkpoint.get(name);
        try {
          assert.deepEqual(tensor.shape, checkpoint.info(name).shape);
          if (tensor.numel < 1000) tensor.toNumbers();
        } finally {
          tensor.dispose();
        }
      }
    } finally {
      checkpoint[Symbol.dispose]();
    }
    assert.equal(memory().tensors, before, "tensors are left");
  },
});
