/** For tests: an addon of a few lines, and a libtorch of a few bytes. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCompiler } from "./compiler.mjs";
import type { Libtorch } from "./libtorch.mjs";
import { sharedLibrary } from "./paths.mjs";
import { scratch, write } from "./scratch.js";

export const compiler = await findCompiler().catch(() => undefined);

export const MODULE = `
#include <node_api.h>
#include "answer.h"
NAPI_MODULE_INIT() {
  napi_value value;
  napi_create_int32(env, answer(), &value);
  napi_set_named_property(env, exports, "answer", value);
  return exports;
}`;
export const ANSWER = (value: string) => `#include "answer.h"\nint answer() { return ${value}; }\n`;

/** Libraries that have nothing in them, linked when they are first wanted. */
const linked = new Map<string, Buffer>();

/** A package with two sources, and a libtorch that has nothing in it, in a folder that goes when the test ends. */
export function project(): { torch: Libtorch; root: string } {
  const folder = scratch();
  const root = join(folder, "package");
  write(root, { "native/module.cc": MODULE, "native/answer.cc": ANSWER("42"), "native/answer.h": "int answer();\n" });
  write(folder, { "torch/include/empty.h": "", "torch/lib/empty.cc": "" });
  const libDir = join(folder, "torch/lib");
  for (const name of ["torch_cpu", "c10"]) {
    const file = join(libDir, sharedLibrary(name));
    const known = linked.get(name);
    if (known === undefined)
      execFileSync(compiler?.command ?? "", ["-shared", "-fPIC", "empty.cc", "-o", file], { cwd: libDir });
    else writeFileSync(file, known);
    linked.set(name, known ?? readFileSync(file));
  }
  return { torch: { libDir, includeDir: join(folder, "torch/include"), version: "2.15.0", source: "LIBTORCH" }, root };
}

/** The same with a CUDA part that has `launch` in it, CUDA's header beside it, and `part` as what is compiled for graphs. */
export function cudaProject({ part, header = "int launch();" }: { part: string; header?: string | undefined }) {
  const { torch, root } = project();
  const build = (...args: string[]) =>
    execFileSync(compiler?.command ?? "", ["-shared", "-fPIC", ...args], { cwd: torch.libDir });
  write(torch.libDir, { "cuda.cc": "int launch() { return 7; }\n" });
  build("cuda.cc", "-o", "libtorch_cuda.so");
  build("empty.cc", "-o", "libc10_cuda.so");
  if (header !== "") write(join(torch.libDir, "../.."), { "nvidia/cu13/include/cuda_runtime_api.h": header });
  write(root, { "native/cuda/part.cc": part });
  return { torch: { ...torch, version: "2.15.0+cu132" }, root };
}
