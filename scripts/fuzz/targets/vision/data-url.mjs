// @ts-check
import { parseDataUrl } from "../../../../packages/rediff/dist/vision/data-url.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["vision/data-url.js"],
  seeds: [
    "data:image/png;base64,iVBORw0KGgo=",
    "data:;base64,QUJD",
    " DATA:image/jpeg;charset=x;BASE64,QU\r\nJD%2b%2F-_8=",
    "data:image/svg+xml,%3Csvg%20xmlns%3D%22x%22%2F%3E",
  ].map(utf8),
  dictionary: ["data:", ";base64", ",", "%2B", "%", "=", "==", " ", "\n", "-_", "+/", "é", ";", "image/png", "AAAA"],
  run: (input) => parseDataUrl(textOf(input), "image", 1 << 20),
});
