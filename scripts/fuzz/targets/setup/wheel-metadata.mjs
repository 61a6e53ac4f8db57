// @ts-check
import { zipArchive } from "../../../../packages/rediff/dist/pipeline/formats/testing/archives.js";
import { WheelFailure } from "../../../../packages/torch/setup/wheels/failure.mjs";
import { parseSettings } from "../../../../packages/torch/setup/wheels/pip-settings.mjs";
import { markerHolds, parseRequirement, satisfies } from "../../../../packages/torch/setup/wheels/requirements.mjs";
import { requirementsOf } from "../../../../packages/torch/setup/wheels/wheel-unpack.mjs";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const metadata = `Metadata-Version: 2.1
Name: torch
Requires-Dist: nvidia-cublas<14,>=13.0 ; platform_system == "Linux" and (extra == 'cuda' or python_version >= "3.9")
Requires-Dist: cuda-toolkit[cublas,nvrtc] (==13.2.*); sys_platform != "win32"

Requires-Dist: nothing
`;

/** What a wheel says of the others that it needs, and pip's own settings. */
export default defineTarget({
  covers: ["wheels/wheel-unpack.mjs", "wheels/requirements.mjs", "wheels/pip-settings.mjs"],
  file: "x.whl",
  refusals: [WheelFailure],
  seeds: [
    new Uint8Array(zipArchive({ "torch-2.15.0.dist-info/METADATA": metadata, "torch/lib/libc10.so": "x".repeat(50) })),
    utf8(metadata),
    utf8(
      "[global]\nindex-url = https://index.example/simple\n  ; a comment\nextra-index-url:\n  https://a\n  https://b\n",
    ),
  ],
  dictionary: [
    "Requires-Dist: ",
    ";",
    " and ",
    " or ",
    "not in",
    "(",
    ")",
    "==",
    "~=",
    "===",
    '"',
    "extra",
    "[",
    "]",
    "PK\x01\x02",
    "    ",
  ],
  async run(input, { file }) {
    const text = Buffer.from(input).toString("utf8");
    parseSettings(text);
    const lines = text.startsWith("PK")
      ? await requirementsOf(file)
      : [...text.matchAll(/^Requires-Dist: (.+?)\r?$/gm)].map(([, line = ""]) => line);
    for (const line of lines) {
      const { specifier, marker } = parseRequirement(line) ?? { specifier: "", marker: "" };
      satisfies("13.0.2", specifier);
      if (marker !== "") markerHolds(marker, "cuda");
    }
  },
});
