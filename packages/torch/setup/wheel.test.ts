/** The download against a package index on this machine that breaks connections. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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
function wheel(folder: string, name: string, files: Record<string, string | Buffer>, metadata: string): Buffer {
  const root = join(folder, name);
  write(root, { [`${name}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: x\n${metadata}\n` });
  for (const [file, content] of Object.entries(files)) {
    write(root, { [file]: "" });
    writeFileSync(join(root, file), content);
  }
  const target = join(folder, `${name}.zip`);
  execFileSync(python ?? "", ["-m", "zipfile", "-c", target, ...readdirSync(root)], { cwd: root });
  return readFileSync(target);
}

/** An index with a small torch and its CUDA runtime. Returns the requests for torch's wheel: the Range of each. */
async function packageIndex(folder: string, behaviour: Behaviour = {}): Promise<(string | undefined)[]> {
  const cuda = { "nvidia/cu13/lib/libcudart.so.13": "cudart", "nvidia/cu13/include/cuda.h": "header" };
  const wheels: Record<string, [file: string, content: Buffer]> = {
    torch: [
      `torch-${VERSION}-cp312-cp312-${TAG}_${MACHINE}.whl`,
      wheel(
        folder,
        `torch-${VERSION}`,
        {
          [`torch/lib/${sharedLibrary("torch_cpu")}`]: randomBytes(400_000),
          [`torch/lib/${sharedLibrary("torch_cuda")}`]: "cuda",
          [`torch/lib/${sharedLibrary("torch_python")}`]: "python",
          "torch/include/ATen/ATen.h": "//",
          "torch/version.py": "__version__ = '2.15.0'",
          "torch/nn/__init__.py": "never needed",
        },
        "Requires-Dist: cuda-toolkit[cublas,cudart]==13.2\nRequires-Dist: sympy\nRequires-Dist: nvidia-nccl-cu13==2.30",
      ),
    ],
    "cuda-toolkit": [
      "cuda_toolkit-13.2-py3-none-any.whl",
      wheel(
        folder,
        "cuda_toolkit-13.2",
        { "cuda.txt": "" },
        [
          "Requires-Dist: nvidia-cublas==13.4.*; extra == 'cublas'",
          "Requires-Dist: nvidia-cuda-runtime==13.2.86.*; extra == 'cudart'",
          "Requires-Dist: nvidia-cuda-cupti==13.2.86.*; extra == 'cupti'",
        ].join("\n"),
      ),
    ],
    "nvidia-cuda-runtime": [
      "nvidia_cuda_runtime-13.2.86-py3-none-any.whl",
      wheel(folder, "nvidia_cuda_runtime-13.2.86", cuda, ""),
    ],
  };
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

describe.skipIf(python === undefined)("fetching the wheel", () => {
  test("unpacks what C++ needs, with the CUDA runtime beside it, and leaves no download behind", async () => {
    const folder = scratch();
    const requests = await packageIndex(folder);
    const target = await fetchLibtorch(listener());
    const files = readdirSync(target, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.includes("METADATA"))
      .map((entry) => join(entry.path, entry.name).slice(target.length + 1));
    expect(files.sort()).toEqual([
      "nvidia/cu13/lib/libcudart.so.13",
      "torch/include/ATen/ATen.h",
      `torch/lib/${sharedLibrary("torch_cpu")}`,
      "torch/version.py",
    ]);
    expect(readdirSync(join(folder, "cache"))).toEqual(["libtorch"]);
    expect(await fetchLibtorch(listener())).toBe(target);
    expect(requests).toEqual([undefined]);
  });

  test("goes on where the connection broke", async () => {
    const requests = await packageIndex(scratch(), { cuts: [100_000, 50_000] });
    const ui = listener();
    await fetchLibtorch(ui);
    expect(requests).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
    expect(ui.lines.filter((line) => line.includes("trying to go on"))).toHaveLength(2);
  });

  test("goes on where an earlier run stopped", async () => {
    const folder = scratch();
    const requests = await packageIndex(folder, { cuts: [100_000], refused: 1 });
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
    const requests = await packageIndex(scratch(), { cuts: [100_000], ranges: false });
    const target = await fetchLibtorch(listener());
    expect(requests).toEqual([undefined, "bytes=100000-"]);
    expect(readFileSync(join(target, "torch/lib", sharedLibrary("torch_cpu")))).toHaveLength(400_000);
  });

  test("throws away what has another hash than the index says", async () => {
    const folder = scratch();
    await packageIndex(folder, { sha256: "0".repeat(64) });
    await expect(fetchLibtorch(listener())).rejects.toThrow("came with the wrong sha256 and was thrown away");
    expect(readdirSync(join(folder, "cache/downloads"))).toEqual([]);
    expect(readdirSync(join(folder, "cache/libtorch"))).toEqual([]);
  });

  test("asks for room before it begins", async () => {
    const folder = scratch();
    await packageIndex(folder, { contentLength: 1e15 });
    await expect(fetchLibtorch(listener())).rejects.toMatchObject({
      message: expect.stringMatching(/not enough disk space .*: 2,000,000,000 MB needed, [\d,]+ MB free/),
      hint: expect.stringContaining("REDIFF_CACHE"),
    });
  });

  test("tells a version that is not there from an index that is not there", async () => {
    await packageIndex(scratch());
    vi.stubEnv("REDIFF_TORCH_VERSION", "2.14.7");
    await expect(fetchLibtorch(listener())).rejects.toThrow("no wheel of torch==2.14.7 for this platform");
    vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/");
    await expect(fetchLibtorch(listener())).rejects.toThrow(/libtorch could not be fetched \(Could not fetch URL/);
  });
});
