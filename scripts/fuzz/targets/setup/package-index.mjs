// @ts-check
import { WheelFailure } from "../../../../packages/torch/setup/wheels/failure.mjs";
import { parsePage } from "../../../../packages/torch/setup/wheels/package-index.mjs";
import { chooseWheel } from "../../../../packages/torch/setup/wheels/wheel-choice.mjs";
import { json, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const sha256 = "0123456789abcdef".repeat(4);
const wheel = "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl";

/** A page that lists a project's files: whatever answers in an index's place. */
export default defineTarget({
  covers: ["wheels/package-index.mjs", "wheels/wheel-choice.mjs"],
  refusals: [WheelFailure],
  seeds: [
    json({ files: [{ filename: wheel, url: `../${wheel}`, hashes: { sha256 }, yanked: "broken" }] }),
    utf8(
      `<!doctype html><base href="https://files.example/x/"><a href="${wheel}#sha256=${sha256}&amp;y=1">${wheel}</a>`,
    ),
    utf8(`<a data-yanked='' HREF=${wheel}>x</a><A href="torch-2.14.0%2Bcpu-cp310-abi3-linux_aarch64.whl">y</A>`),
  ],
  dictionary: [
    "<a ",
    "<base ",
    "href=",
    '"',
    "'",
    "&#x",
    "&amp;",
    "data-yanked",
    "%2B",
    "%",
    '"files":',
    '"hashes":',
    "//",
  ],
  run(input) {
    const text = Buffer.from(input).toString("utf8");
    const type = text.startsWith("{") ? "application/vnd.pypi.simple.v1+json" : "text/html; charset=utf-8";
    const files = parsePage(text, type, new URL("https://index.example/simple/torch/"));
    chooseWheel(files, { project: "torch", specifier: "==2.15.*", cuda: false, platforms: ["manylinux_2_28_x86_64"] });
  },
});
