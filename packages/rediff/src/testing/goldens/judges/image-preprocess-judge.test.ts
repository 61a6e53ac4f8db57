import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { listCases, loadCase } from "../golden-case.js";
import { run } from "./image-preprocess-judge.js";

// Beside a checkout of this repository there may lie a folder of recorded cases.
const root = fileURLToPath(new URL("../../../../../../../shared/goldens/public", import.meta.url));
const listed = existsSync(root) ? listCases(root).map((listing) => loadCase(root, listing)) : [];
const cases = listed.filter(({ group }) => group === "image_preprocess");

describe.skipIf(cases.length === 0)("image_preprocess goldens", () => {
  it.each(cases)("$id", async (golden) => {
    expect(await run(golden)).toEqual({ status: "passed", deviation: 0 });
  });
});
