/** The CUDA part as far as a machine without a GPU allows: libraries of a few lines in the places of NVIDIA's, and the
 *  real ones where they were fetched (REDIFF_CUDA=1). */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findCompiler } from "./compiler.mjs";
import { cudaState, cudaVersion, gpuNeeds } from "./cuda.mjs";
import { buildCudaPart, CUDA_PART } from "./cuda-part.mjs";
import { hasCuda } from "./libtorch.mjs";
import { listener, scratch, write } from "./scratch.js";
import { locateTorch } from "./stamp.mjs";
import { cudaProject, project } from "./tiny-project.js";
import { wheelFolder } from "./wheel.mjs";

const compiler = await findCompiler().catch(() => undefined);
const hasDriver = existsSync("/proc/driver/nvidia/version");

/** A folder with a libtorch_cuda.so of this source, linked with `libcublas_of_a_test.so.13` beside it. */
function cudaPart(source: string, options: { keepLibrary?: boolean } = {}): string {
  const folder = scratch();
  write(folder, { "cublas.cc": "int gemm() { return 1; }\n", "cuda.cc": source });
  const build = (...args: string[]) =>
    execFileSync(compiler?.command ?? "", ["-shared", "-fPIC", ...args], { cwd: folder });
  const library = "libcublas_of_a_test.so.13";
  build("cublas.cc", "-o", library, `-Wl,-soname,${library}`);
  build("cuda.cc", "-Wl,--no-as-needed", library, "-o", "libtorch_cuda.so", "-Wl,-rpath,$ORIGIN");
  if (options.keepLibrary === false) execFileSync("/bin/rm", [join(folder, library)]);
  return folder;
}

describe.skipIf(compiler === undefined || process.platform !== "linux")("the CUDA part of libtorch", () => {
  test("may be absent", async () => {
    expect(await cudaState(scratch())).toEqual({ state: "absent" });
  });

  test("opens where its libraries are there; then the driver is what is missing", async () => {
    const state = await cudaState(cudaPart("int gemm(); int use() { return gemm(); }"));
    expect(state).toEqual(
      hasDriver
        ? { state: "ready" }
        : { state: "no driver", reason: expect.stringContaining("libcuda.so.1: cannot open") },
    );
  });

  test("that lacks a library, or a symbol, says which", async () => {
    expect(await cudaState(cudaPart("int gemm(); int use() { return gemm(); }", { keepLibrary: false }))).toEqual({
      state: "unloadable",
      reason: expect.stringContaining("libcublas_of_a_test.so.13: cannot open shared object file"),
    });
    expect(
      await cudaState(cudaPart("int gone_in_this_version(); int use() { return gone_in_this_version(); }")),
    ).toEqual({
      state: "unloadable",
      reason: expect.stringMatching(/undefined symbol: .*gone_in_this_version/),
    });
  });

  test("that ends its process is not taken for sound", async () => {
    const killer = "#include <cstdlib>\n__attribute__((constructor)) void start() { abort(); }";
    expect(await cudaState(cudaPart(killer))).toMatchObject({
      state: "unloadable",
      reason: expect.stringMatching(/\w/),
    });
  });
});

const folders = [locateTorch()?.libDir ?? "", join(wheelFolder(undefined, true), "torch", "lib")];
const fetched = folders.find((folder) => folder !== "" && hasCuda(folder));
test.skipIf(fetched === undefined)(
  `NVIDIA's own libraries open, every symbol found${fetched ? "" : " (SKIPPED: not fetched, see REDIFF_CUDA)"}`,
  async () => {
    expect(["no driver", "ready"]).toContain((await cudaState(fetched as string)).state);
  },
  300_000,
);

test.skipIf(fetched === undefined || compiler === undefined)(
  `the part for graphs is compiled, linked to NVIDIA's libraries, and opens with them${fetched ? "" : " (SKIPPED: not fetched, see REDIFF_CUDA)"}`,
  async () => {
    const libDir = fetched as string;
    const torch = { libDir, includeDir: join(libDir, "../include"), version: "0", source: "LIBTORCH" } as const;
    const folder = scratch();
    const ui = listener();
    expect(await buildCudaPart(torch, join(folder, "rediff_torch.node"), ui), ui.lines.join("\n")).toBe(
      join(folder, CUDA_PART),
    );
  },
  300_000,
);

describe.skipIf(compiler === undefined || process.platform !== "linux")("the part for CUDA's graphs", () => {
  const tiny = (given: Parameters<typeof cudaProject>[0]) => {
    const { torch, root } = cudaProject(given);
    return { torch, root, addon: join(root, "rediff_torch.node"), ui: listener() };
  };

  test("is built beside the addon where the headers are there, once", async () => {
    const { torch, root, addon, ui } = tiny({
      part: "#include <cuda_runtime_api.h>\nint both() { return launch(); }\n",
    });
    const part = join(root, CUDA_PART);
    expect(await buildCudaPart(torch, addon, ui, root)).toBe(part);
    expect(ui.lines).toEqual([expect.stringContaining(`built ${part}`)]);
    const again = listener();
    expect(await buildCudaPart(torch, addon, again, root)).toBe(part);
    expect(again.lines).toEqual([]);
  });

  test("is left out with the reason where it cannot be had, and the set-up goes on", async () => {
    const reasons = [
      [tiny({ part: "int both() { return 1; }\n", header: "" }), /there is no cuda_runtime_api\.h/],
      [tiny({ part: "#include <gone.h>\n" }), /gone\.h: No such file/],
      [tiny({ part: "int gone(); int both() { return gone(); }\n" }), /undefined symbol: .*gone/],
    ] as const;
    for (const [{ torch, root, addon, ui }, reason] of reasons) {
      expect(await buildCudaPart(torch, addon, ui, root)).toBeUndefined();
      expect(ui.lines).toEqual([expect.stringMatching(/cannot be built, so there are no graphs on a GPU/)]);
      expect(ui.lines[0]).toMatch(reason);
      expect(existsSync(join(root, CUDA_PART))).toBe(false);
    }
  });

  test("is no matter where libtorch is for a CPU", async () => {
    const { torch, root } = project();
    const ui = listener();
    expect(await buildCudaPart(torch, join(root, "rediff_torch.node"), ui, root)).toBeUndefined();
    expect(ui.lines).toEqual([]);
  });
});

test("what a GPU and its driver have to be follows from the version of libtorch", () => {
  expect(cudaVersion("2.15.0+cu132")).toBe("13.2");
  expect(cudaVersion("2.15.0+cpu")).toBeUndefined();
  expect(gpuNeeds("2.15.0+cu132")).toBe(
    "an NVIDIA GPU of compute capability 7.5 or newer with driver 580 or newer, for CUDA 13.2",
  );
  expect(gpuNeeds("2.8.0+cu128")).toContain("driver 525 or newer, for CUDA 12.8");
  expect(gpuNeeds("2.15.0")).toBe("an NVIDIA GPU and its driver");
});
