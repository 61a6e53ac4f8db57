/** The part for CUDA's graphs in a package with the addon, with libraries of a few lines in the places of NVIDIA's. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { CUDA_PART, partProblem } from "../cuda-part.mjs";
import { ensureTorch } from "../index.mjs";
import { listener, scratch, write } from "../scratch.js";
import { sourceHash } from "../sources.mjs";
import { ANSWER, compiler, cudaProject, MODULE } from "../tiny-project.js";
import { makePackage } from "./make-package.mjs";
import { findPrebuilt, type Prebuilt, takeCudaPart, takePrebuilt } from "./prebuilt.mjs";

const PART = "#include <cuda_runtime_api.h>\nint both() { return launch(); }\n";

/** Makes a package, in a folder that goes when the test ends. */
async function made(part: string) {
  const { torch, root } = cudaProject({ part });
  write(root, {
    "native/host/alone.cc": MODULE,
    "native/host/seven.cc": ANSWER("7"),
    "setup/build.mjs": "",
    "package.json": JSON.stringify({ version: "1.2.3", license: "Apache-2.0", engines: { node: ">=20" } }),
  });
  const ui = listener();
  const { folder, manifest } = await makePackage(torch, join(dirname(root), "output"), ui, root);
  return { torch, root, folder, manifest, lines: ui.lines };
}

const kept = mkdtempSync(join(tmpdir(), "rediff-prebuilt-"));
afterAll(() => rmSync(kept, { recursive: true, force: true }));
let keptPackage: Pick<Awaited<ReturnType<typeof made>>, "torch" | "manifest"> | undefined;

/** A package with the part, and a machine without a compiler on which nothing lies where it was built. */
async function moved() {
  if (keptPackage === undefined) {
    const { torch, root, folder, manifest } = await made(PART);
    for (const [name, from] of Object.entries({ torch: dirname(torch.libDir), root, package: folder }))
      cpSync(from, join(kept, name), { recursive: true });
    keptPackage = { torch, manifest };
  }
  const here = scratch();
  cpSync(kept, here, { recursive: true });
  const folder = join(here, "package");
  vi.stubEnv("CXX", "no-compiler");
  vi.stubEnv("REDIFF_PREBUILT", folder);
  const { torch, manifest } = keptPackage;
  const there = { ...torch, libDir: join(here, "torch/lib"), includeDir: join(here, "torch/include") };
  return { folder, manifest, torch: there, root: join(here, "root") };
}

const taken = async (prebuilt: Prebuilt | undefined, torch: Awaited<ReturnType<typeof moved>>["torch"]) => {
  const ui = listener();
  const addon = prebuilt && (await takePrebuilt(prebuilt, torch, ui));
  if (prebuilt === undefined || addon === undefined) throw new Error(ui.lines.join());
  const part = await takeCudaPart(prebuilt, torch, addon, ui);
  return { addon, part, lines: ui.lines.filter((line) => !line.includes("took the prebuilt addon")) };
};

describe.skipIf(compiler === undefined || process.platform !== "linux")("a package with the addon", () => {
  test("has the part for graphs where it could be built, which opens wherever libtorch lies", async () => {
    const { folder, torch, root, manifest } = await moved();
    expect(manifest.cuda).toBe("2.15.0+cu132");
    const { files } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect(files).toEqual(["rediff_torch.node", "rediff_host.node", CUDA_PART, "manifest.json"]);
    expect(readFileSync(join(folder, CUDA_PART), "latin1")).toContain("$ORIGIN/libtorch\0");

    const { addon, part, lines } = await taken(findPrebuilt(listener(), root), torch);
    expect([part, lines]).toEqual([join(dirname(addon), CUDA_PART), []]);
    expect(await partProblem(torch, String(part))).toBeUndefined();
    expect(readdirSync(dirname(addon)).sort()).toEqual(
      ["libtorch", CUDA_PART, "rediff_host.node", "rediff_torch.node"].sort(),
    );
    expect(await takeCudaPart({ folder: "gone", manifest }, torch, addon, listener())).toBe(part);
  });

  test("that has none, or none that fits, is taken without graphs, with the reason in a line", async () => {
    const { folder, torch, manifest } = await moved();
    const reasons = [
      [{ folder, manifest: { ...manifest, cuda: null } }, torch, `it was built without ${CUDA_PART}`],
      [{ folder, manifest }, { ...torch, version: "2.15.0+cu126" }, "is for libtorch 2.15.0+cu132, and"],
    ] as const;
    for (const [prebuilt, libtorch, reason] of reasons) {
      const { addon, part, lines } = await taken(prebuilt, libtorch);
      expect(part).toBeUndefined();
      expect(existsSync(addon)).toBe(true);
      expect(lines).toEqual([expect.stringContaining(reason)]);
      expect(lines[0]).toContain(`the prebuilt addon in ${folder} brings no graphs on a GPU: `);
    }
    writeFileSync(join(folder, CUDA_PART), "no library");
    const { addon, part, lines } = await taken({ folder, manifest }, torch);
    expect(part).toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(/rediff_cuda\.so cannot be opened \(.*\)$/)]);
    expect(readdirSync(dirname(addon)).filter((name) => name.includes("cuda"))).toEqual([]);
  });

  test("brings the part once libtorch's own for CUDA is there, and says nothing before", async () => {
    const { folder, torch, manifest } = await moved();
    const library = join(torch.libDir, "libtorch_cuda.so");
    renameSync(library, `${library}.away`);
    expect(await taken({ folder, manifest }, torch)).toMatchObject({ part: undefined, lines: [] });
    renameSync(`${library}.away`, library);
    expect(await taken({ folder, manifest }, torch)).toMatchObject({ part: expect.stringContaining(CUDA_PART) });
  });

  test("whose part is another than it says is passed over", async () => {
    const { folder, root } = await moved();
    appendFileSync(join(folder, CUDA_PART), "x");
    const ui = listener();
    expect(findPrebuilt(ui, root)).toBeUndefined();
    expect(ui.lines).toEqual([expect.stringContaining("rediff_cuda.so has another sha256 than manifest.json says")]);
    rmSync(join(folder, CUDA_PART));
    expect(findPrebuilt(ui, root)).toBeUndefined();
    expect(ui.lines.at(-1)).toContain("ENOENT");
  });

  test("is made without the part where that cannot be compiled, and says so", async () => {
    const { folder, manifest, lines } = await made("#include <gone.h>\n");
    expect(manifest.cuda).toBeNull();
    expect(existsSync(join(folder, CUDA_PART))).toBe(false);
    expect(lines.join("\n")).toContain("rediff_cuda.so cannot be built, so there are no graphs on a GPU");
  });

  test("gives a set-up without a compiler its graphs", async () => {
    const { folder, torch } = await moved();
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...manifest, sources: sourceHash() }));
    const libtorch = dirname(torch.libDir);
    write(libtorch, { "build-version": torch.version, "include/ATen/core/dispatch/Dispatcher.h": "" });
    vi.stubEnv("LIBTORCH", libtorch);
    const { addon } = await ensureTorch({ quiet: true, log: () => {} });
    expect(existsSync(join(dirname(addon), CUDA_PART))).toBe(true);
  });
});
