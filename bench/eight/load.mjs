// Loads a model and says so; the process is watched from outside.
//
//     node bench/eight/load.mjs FOLDER [int8|int4]

import { loadModelFolder } from "../../packages/rediff/dist/checkpoint/load-model.js";

const [folder = "", quantize] = process.argv.slice(2);
const model = await loadModelFolder(folder, { dtype: "bfloat16", memoryCheck: false, ...(quantize && { quantize }) });
process.stdout.write("loaded\n");
// So that whoever watches sees the end of it too.
await new Promise((resolve) => setTimeout(resolve, 300));
model[Symbol.dispose]();
