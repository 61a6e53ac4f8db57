// @ts-check
import { writeFileSync } from "node:fs";
import { unpickle } from "../../../../packages/rediff/dist/checkpoint/convert/pickle-machine.js";
import { readTorchFile } from "../../../../packages/rediff/dist/checkpoint/convert/torch-pickle.js";
import {
  pickled,
  pickledDictionary,
  pickledTensor,
  torchFile,
} from "../../../../packages/rediff/dist/testing/torch-save.js";
import { changedProgram, pickleProgram } from "../../pickle-program.mjs";
import { defineTarget } from "../../target.mjs";

const { int, text, tuple, global, float, longText } = pickled;
/** Much of it may change and the pickle stays one. */
const named = `${longText("name ".repeat(120))}${pickledTensor()}s`;
const one = `${text("a")}${pickledTensor()}s`;

/** The pickle alone: the zip file around it is made for each, so that every input gets past it. */
export default defineTarget({
  covers: ["convert/pickle-machine.js", "convert/torch-pickle.js"],
  file: "weights.bin",
  seeds: [
    pickledDictionary(one),
    pickledDictionary(named),
    pickledDictionary(`${named}${one}`),
    pickledDictionary(`(${text("a")}${pickledTensor()}${text("b")}${pickledTensor({ shape: [int(1), int(4)] })}u`),
    pickledDictionary(
      `${text("p")}${global("torch._utils", "_rebuild_parameter")}${tuple([pickledTensor(), "\x88", "}"])}Rs`,
    ),
    pickledDictionary(`${text("o")}${global("collections", "OrderedDict")})R${longText("b")}${pickledTensor()}s}bs`),
    pickledDictionary(
      `${text("v")}${pickledTensor({ shape: [int(3)], stride: [int(1)], offset: int(1) })}q\x01s${text("w")}h\x01s`,
    ),
    Buffer.from("\x80\x02}q\x00X\x01\0\0\0aK\x01s.", "latin1"),
  ],
  make: pickleProgram,
  change: changedProgram,
  dictionary: [
    ..."()]}.NQRbtuse0",
    "\x85",
    "\x86",
    "\x87",
    "\x94",
    "\x93",
    "q\x01",
    "h\x01",
    "j\xff\xff\xff\xff",
    "h\x01\x86q\x01",
    int(-1),
    int(2 ** 40),
    float(1e300),
    "\x8a\xff",
    text("FloatStorage"),
    text("BoolStorage"),
    text("storage"),
    "cos\nsystem\n",
    pickledTensor(),
  ],
  run(input, { file }) {
    writeFileSync(file, torchFile(Buffer.from(input)));
    for (const tensor of readTorchFile(file).values()) tensor.dispose();
    unpickle(Buffer.from(input));
  },
});
