/** The download against a package index on this machine that breaks connections. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { sharedLibrary } from "./paths.mjs";
import { findPythons } from "./python.mjs";
import { listener, scratch, write } from "./scratch.js";
import { fetchLibtorch } from "./wheel.mjs";

const python = (await findPythons()).find(({ pip }) => pip)?.command;
const TAG = { linux: "manylinux_2_17", darwin: "macosx_11_0" }[process.platform as "linux"] ?? "any";
const MACHINE = process.arch === "x64" ? "x86_64" : process.platform === "darwin" ? "arm64" : "aarch64";
const VERSION = "2.15.0";

interface Behaviour {
  /** Bytes after which a connection is cut, one for each request; then none is. */
  cuts?: number[];
  /** How many of the requests after these cuts are answered with 403. */
  refused?: number;
  ranges?: boolean;
  sha256?: string;
  contentLength?: number;
}

/** A wheel, as bytes. */
function wheel(folder: string, name: string, files: Record<string, string | Buffer>, requires: string[] = []): Buffer {
  const root = join(folder, name);
  const metadata = ["Metadata-Version: 2.1", ...requires.map((line) => `Requires-Dist: ${line}`), "", "Text"];
  write(root, { [`${name}.dist-info/METADATA`]: metadata.join("\n") });
  for (const [file, content] of Object.entries(files)) {
    write(root, { [file]: "" });
    writeFileSync(join(root, file), content);
  }
  const target = join(folder, `${name}.zip`);
  execFileSync(python ?? "", ["-m", "zipfile", "-c", target, ...readdirSync(root)], { cwd: root });
  return readFileSync(target);
}

/** A small torch and what it requires, as [file name, content] by project. Sympy, which C++ does not need, is not there. */
function makeWheels(): Record<string, [file: string, content: Buffer]> {
  const folder = mkdtempSync(join(tmpdir(), "rediff-wheels-"));
  const torch = {
    [`torch/lib/${sharedLibrary("torch_cpu")}`]: randomBytes(400_000),
    [`torch/lib/${sharedLibrary("torch_cuda")}`]: "cuda",
    [`torch/lib/${sharedLibrary("torch_python")}`]: "python",
    "torch/include/ATen/ATen.h": "//",
    "torch/version.py": `__version__ = '${VERSION}'`,
    "torch/nn/__init__.py": "never needed",
  };
  const runtime = {
    "nvidia/cu13/lib/libcudart.so.13": "cudart",
    "nvidia/cu13/lib/libcudart_static.a": "",
    "nvidia/cu13/include/cuda.h": "",
  };
  try {
    return {
      torch: [
        `torch-${VERSION}-cp312-cp312-${TAG}_${MACHINE}.whl`,
        wheel(folder, `torch-${VERSION}`, torch, [
          "cuda-toolkit[cublas,cudart]==13.2",
          "sympy",
          'nvidia-nccl-cu13==2.30; platform_system != "Windows"',
          'nvidia-of-windows==1; platform_system == "Windows"',
        ]),
      ],
      "cuda-toolkit": [
        "cuda_toolkit-13.2-py3-none-any.whl",
        wheel(folder, "cuda_toolkit-13.2", { "cuda.txt": "" }, [
          "nvidia-cublas==13.4.*; extra == 'cublas'",
          "nvidia-cuda-runtime==13.2.86.*; extra == 'cudart'",
          "nvidia-cuda-cupti==13.2.86.*; extra == 'cupti'",
        ]),
      ],
      "nvidia-cuda-runtime": [
        "nvidia_cuda_runtime-13.2.86-py3-none-any.whl",
        wheel(folder, "nvidia_cuda_runtime-13.2.86", runtime),
      ],
      "nvidia-cublas": [
        "nvidia_cublas-13.4.1-py3-none-any.whl",
        wheel(folder, "nvidia_cublas-13.4.1", { "nvidia/cu13/lib/libcublas.so.13": "" }),
      ],
      "nvidia-nccl-cu13": [
        "nvidia_nccl_cu13-2.30-py3-none-any.whl",
        wheel(folder, "nvidia_nccl_cu13-2.30", { "nvidia/nccl/include/nccl.h": "" }),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const wheels = python === undefined ? {} : makeWheels();

/** An index of these wheels. Returns the requests for torch's: the Range of each. */
async function packageIndex(behaviour: Behaviour = {}): Promise<(string | undefined)[]> {
  const requests: (string | undefined)[] = [];
  const cuts = [...(behaviour.cuts ?? [])];
  let refused = behaviour.refused ?? 0;
  const server = createServer((request, response) => {
    const [, kind, name = ""] = (request.url ?? "").split("/");
    const entry = kind === "simple" ? wheels[name] : Object.values(wheels).find(([file]) => file === name);
    if (entry === undefined) return void response.writeHead(404).end();
    const [file, content] = entry;
    if (kind === "simple") {
      const sha256 = (name === "torch" && behaviour.sha256) || createHash("sha256").update(content).digest("hex");
      return void response
        .writeHead(200, { "content-type": "text/html" })
        .end(`<a href="/files/${file}#sha256=${sha256}">${file}</a>`);
    }
    const range = request.headers.range;
    if (!file.startsWith("torch")) return void response.end(content);
    requests.push(range);
    if (cuts.length === 0 && refused-- > 0) return void response.writeHead(403).end();
    const start = range === undefined || behaviour.ranges === false ? 0 : Number(/\d+/.exec(range)?.[0]);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": behaviour.contentLength ?? content.length - start,
      ...(start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
    });
    const cut = cuts.shift();
    if (cut === undefined) return void response.end(content.subarray(start));
    response.write(content.subarray(start, start + cut), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  vi.stubEnv("PIP_INDEX_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`);
  for (const name of ["PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"]) vi.stubEnv(name, "");
  vi.stubEnv("NO_PROXY", "127.0.0.1");
  vi.stubEnv("PIP_RETRIES", "0");
  vi.stubEnv("REDIFF_CUDA", "0");
  return requests;
}

/** The files of a folder, but for notes about the wheels. */
function unpacked(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "METADATA")
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

describe.skipIf(python === undefined)("fetching the wheel", () => {
  test("unpacks what C++ needs, with the CUDA runtime beside it, and leaves no download behind", async () => {
    const folder = scratch();
    const requests = await packageIndex();
    const target = await fetchLibtorch(listener());
    expect(unpacked(target)).toEqual([
      "nvidia/cu13/lib/libcudart.so.13",
      "torch/include/ATen/ATen.h",
      `torch/lib/${sharedLibrary("torch_cpu")}`,
      "torch/version.py",
    ]);
    expect(readdirSync(join(folder, "cache"))).toEqual(["libtorch"]);
    expect(await fetchLibtorch(listener())).toBe(target);
    expect(requests).toEqual([undefined]);
  });

  test("takes everything of CUDA when a GPU is to be used", async () => {
    scratch();
    await packageIndex();
    vi.stubEnv("REDIFF_CUDA", "1");
    expect(unpacked(await fetchLibtorch(listener()))).toEqual([
      "nvidia/cu13/include/cuda.h",
      "nvidia/cu13/lib/libcublas.so.13",
      "nvidia/cu13/lib/libcudart.so.13",
      "nvidia/nccl/include/nccl.h",
      "torch/include/ATen/ATen.h",
      `torch/lib/${sharedLibrary("torch_cpu")}`,
      `torch/lib/${sharedLibrary("torch_cuda")}`,
      "torch/version.py",
    ]);
  });

  test("goes on where the connection broke", async () => {
    scratch();
    const requests = await packageIndex({ cuts: [100_000, 50_000] });
    const ui = listener();
    await fetchLibtorch(ui);
    expect(requests).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
    expect(ui.lines.filter((line) => line.includes("trying to go on"))).toHaveLength(2);
  });

  test("goes on where an earlier run stopped", async () => {
    const folder = scratch();
    const requests = await packageIndex({ cuts: [100_000], refused: 1 });
    await expect(fetchLibtorch(listener())).rejects.toMatchObject({
      message: expect.stringMatching(/libtorch could not be fetched .*403/),
      hint: expect.stringContaining("it goes on where it stopped"),
    });
    expect(existsSync(join(folder, "cache/libtorch/.unpacking"))).toBe(false);
    const ui = listener();
    await fetchLibtorch(ui);
    expect(requests).toEqual([undefined, "bytes=100000-", "bytes=100000-"]);
    expect(ui.lines.join("\n")).toContain("of an earlier run");
  });

  test("begins anew with a server that cannot send a part", async () => {
    scratch();
    const requests = await packageIndex({ cuts: [100_000], ranges: false });
    const target = await fetchLibtorch(listener());
    expect(requests).toEqual([undefined, "bytes=100000-"]);
    expect(readFileSync(join(target, "torch/lib", sharedLibrary("torch_cpu")))).toHaveLength(400_000);
  });

  test("throws away what has another hash than the index says", async () => {
    const folder = scratch();
    await packageIndex({ sha256: "0".repeat(64) });
    await expect(fetchLibtorch(listener())).rejects.toThrow("came with the wrong sha256 and was thrown away");
    expect(readdirSync(join(folder, "cache/downloads"))).toEqual([]);
    expect(readdirSync(join(folder, "cache/libtorch"))).toEqual([]);
  });

  test("asks for room before it begins", async () => {
    scratch();
    await packageIndex({ contentLength: 1e15 });
    await expect(fetchLibtorch(listener())).rejects.toMatchObject({
      message: expect.stringMatching(/not enough disk space .*: 2,000,000,000 MB needed, [\d,]+ MB free/),
      hint: expect.stringContaining("REDIFF_CACHE"),
    });
  });

  test("tells a version that is not there from an index that is not there", async () => {
    scratch();
    await packageIndex();
    vi.stubEnv("REDIFF_TORCH_VERSION", "2.14.7");
    await expect(fetchLibtorch(listener())).rejects.toThrow("no wheel of torch==2.14.7 for this platform");
    vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/");
    await expect(fetchLibtorch(listener())).rejects.toThrow(/libtorch could not be fetched \(Could not fetch URL/);
  });
});
