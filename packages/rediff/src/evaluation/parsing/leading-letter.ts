/** "B. a heron": the letter in front, where it is capital and has a full stop; else the whole text, for an exact match. */
import { PYTHON_SPACE } from "../python/python-text.js";

const leading = new RegExp(`^[${PYTHON_SPACE}]*([A-Z])\\.`, "u");

export const leadingLetter = (answer: string): string => leading.exec(answer)?.[1] ?? answer;
