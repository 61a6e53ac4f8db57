/** The download without Python, against package indexes on this machine. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { onPath, sharedLibrary } from "../paths.mjs";
import { listener, write } from "../scratch.js";
import { fetchLibtorch } from "../wheel.mjs";
import { wheelPlatforms } from "../wheel-platform.mjs";
import { bareMachine, basic, type IndexOptions, indexOf, listen, plainProxy, type Seen } from "./index-server.js";
import { sha256, wheelOf } from "./wheel-file.js";

const openssl = onPath("openssl");
const PLATFORM = wheelPlatforms().at(-2) ?? "";
const core = randomBytes(300_000);
const TORCH = `torch-2.15.0-cp314-cp314-${PLATFORM}.whl`;
const torch = wheelOf(
  "torch-2.15.0",
  {
    [`torch/lib/${sharedLibrary("torch_cpu")}`]: core,
    [`torch/lib/${sharedLibrary("torch_cuda")}`]: "cuda",
    [`torch/lib/${sharedLibrary("torch_python")}`]: "python",
    "torch/include/ATen/ATen.h": "//",
    "torch/version.py": "__version__ = '2.15.0'",
    "torch/nn/__init__.py": "never needed",
  },
  [
    "cuda-toolkit[cublas,cudart]==13.2",
    "sympy",
    'nvidia-nccl-cu13==2.30; platform_system != "Windows"',
    'nvidia-of-windows==1; platform_system == "Windows"',
  ],
);
const requirements = [
  "nvidia-cublas==13.4.*; extra == 'cublas'",
  "nvidia-cuda-runtime==13.2.86.*; extra == 'cudart'",
  "nvidia-cuda-cupti==13.2.86.*; extra == 'cupti'",
];
const runtime = { "nvidia/cu13/lib/libcudart.so.13": "cudart", "nvidia/cu13/lib/libcudart_static.a": "" };
/** Sympy, which C++ does not need, is not there. */
const wheels: IndexOptions["wheels"] = {
  torch: [[TORCH, torch]],
  "cuda-toolkit": [["cuda_toolkit-13.2-py3-none-any.whl", wheelOf("cuda_toolkit-13.2", {}, requirements)]],
  "nvidia-cuda-runtime": [
    ["nvidia_cuda_runtime-13.2.86-py3-none-any.whl", wheelOf("nvidia_cuda_runtime-13.2.86", runtime)],
  ],
  "nvidia-cublas": [
    ["nvidia_cublas-13.4.1-py3-none-any.whl", wheelOf("cublas-1", { "nvidia/cu13/lib/libcublas.so.13": "" })],
  ],
  "nvidia-nccl-cu13": [
    ["nvidia_nccl_cu13-2.30-py3-none-any.whl", wheelOf("nccl-1", { "nvidia/nccl/include/nccl.h": "" })],
  ],
};

async function useIndex(options: Partial<IndexOptions> = {}): Promise<{ seen: Seen[]; host: string }> {
  const seen: Seen[] = [];
  const host = await listen(indexOf({ wheels, ...options }, seen));
  vi.stubEnv("PIP_INDEX_URL", `http://${host}/simple/`);
  return { seen, host };
}

const ofTorch = (seen: Seen[]) => seen.filter(({ path }) => path.startsWith("/files/torch-"));
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "METADATA")
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe("without Python, the wheel", () => {
  test.each(["html", "json"] as const)("is found in an index of %s, and what C++ needs is unpacked", async (form) => {
    const folder = bareMachine();
    const { seen } = await useIndex({ form });
    const ui = listener();
    const target = await fetchLibtorch(ui);
    expect(filesOf(target)).toEqual([
      "nvidia/cu13/lib/libcudart.so.13",
      "torch/include/ATen/ATen.h",
      `torch/lib/${sharedLibrary("torch_cpu")}`,
      "torch/version.py",
    ]);
    expect(readFileSync(join(target, "torch/lib", sharedLibrary("torch_cpu"))).equals(core)).toBe(true);
    expect(readdirSync(join(folder, "cache"))).toEqual(["libtorch"]);
    expect(seen[0]).toMatchObject({ path: "/simple/torch/", accept: expect.stringContaining("v1+json") });
    expect(ui.lines.join("\n")).toContain(`  ${TORCH}`);
    const requests = seen.length;
    expect(await fetchLibtorch(ui)).toBe(target);
    expect(seen).toHaveLength(requests);
  });

  test("comes with all of CUDA when a GPU is to be used", async () => {
    bareMachine();
    await useIndex();
    vi.stubEnv("REDIFF_CUDA", "1");
    expect(filesOf(await fetchLibtorch(listener()))).toEqual([
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
    bareMachine();
    const { seen } = await useIndex({ cuts: [100_000, 50_000] });
    const ui = listener();
    const target = await fetchLibtorch(ui);
    // What had come but was not written when the connection broke is asked for again.
    const starts = ofTorch(seen).map(({ range = "" }) => Number(/\d+/.exec(range)?.[0] ?? 0));
    expect(starts).toEqual([0, expect.any(Number), expect.any(Number)]);
    const [, first = 0, second = 0] = starts;
    expect([first <= 100_000, second >= first, second <= first + 50_000]).toEqual([true, true, true]);
    expect(readFileSync(join(target, "torch/lib", sharedLibrary("torch_cpu"))).equals(core)).toBe(true);
    expect(ui.lines.filter((line) => line.includes("trying to go on"))).toHaveLength(2);
  });

  test("begins anew with a server that cannot send a part", async () => {
    bareMachine();
    const { seen } = await useIndex({ cuts: [100_000], ranges: false });
    const target = await fetchLibtorch(listener());
    expect(ofTorch(seen)).toHaveLength(2);
    expect(readFileSync(join(target, "torch/lib", sharedLibrary("torch_cpu"))).equals(core)).toBe(true);
  });

  test("is not looked for where an index sends to no address", async () => {
    bareMachine();
    const host = await listen((_, response) => response.writeHead(302, { location: "http://[" }).end());
    vi.stubEnv("PIP_INDEX_URL", `http://${host}/simple/`);
    await expect(fetchLibtorch(listener())).rejects.toThrow("redirects to what is no address");
  });

  test("goes on where an earlier run stopped, and begins anew after a part that was none of it", async () => {
    const folder = bareMachine();
    const { seen } = await useIndex();
    const name = `${TORCH}.${sha256(torch).slice(0, 16)}.incomplete`;
    mkdirSync(join(folder, "cache/downloads"), { recursive: true });
    writeFileSync(join(folder, "cache/downloads", name), torch.subarray(0, 1000));
    const ui = listener();
    await fetchLibtorch(ui);
    expect(ofTorch(seen).map(({ range }) => range)).toEqual(["bytes=1000-"]);
    expect(ui.lines.join("\n")).toContain("of an earlier run");

    vi.stubEnv("REDIFF_CACHE", join(folder, "other"));
    mkdirSync(join(folder, "other/downloads"), { recursive: true });
    writeFileSync(join(folder, "other/downloads", name), randomBytes(1000));
    await expect(fetchLibtorch(listener())).rejects.toThrow("the wrong sha256");
    await fetchLibtorch(listener());
    expect(ofTorch(seen).at(-1)?.range).toBeUndefined();
  });

  test.each([
    ["another hash than the index says", "0".repeat(64), "came with the wrong sha256 and was thrown away"],
    ["no hash in the index", undefined, "the package index gives no sha256 for torch-2.15.0"],
  ])("with %s is refused", async (_, claimed, message) => {
    const folder = bareMachine();
    await useIndex({ sha256: claimed });
    await expect(fetchLibtorch(listener())).rejects.toMatchObject({
      name: "SetupError",
      message: expect.stringContaining(message),
      hint: expect.stringContaining("the package index is at fault"),
    });
    expect(readdirSync(join(folder, "cache/downloads"))).toEqual([]);
    expect(readdirSync(join(folder, "cache/libtorch"))).toEqual([]);
  });

  test("that leads out of its folder is refused", async () => {
    const folder = bareMachine();
    const evil = wheelOf("torch-2.15.0", { "torch/lib/../../../../evil.so": "evil" });
    await useIndex({ wheels: { torch: [[TORCH, evil]] } });
    await expect(fetchLibtorch(listener())).rejects.toThrow(/is damaged: invalid relative path/);
    expect(existsSync(join(folder, "evil.so"))).toBe(false);
  });

  test("that is not there is told from an index that is not there", async () => {
    bareMachine();
    const { host } = await useIndex();
    vi.stubEnv("REDIFF_TORCH_VERSION", "2.14.7");
    await expect(fetchLibtorch(listener())).rejects.toThrow(
      `no wheel of torch==2.14.7 for this platform in http://${host}/simple/`,
    );
    vi.stubEnv("PIP_INDEX_URL", `http://${host}/elsewhere`);
    await expect(fetchLibtorch(listener())).rejects.toThrow(`http://${host}/elsewhere/torch/`);
    vi.stubEnv("PIP_INDEX_URL", "http://someone:secret@127.0.0.1:9/simple/");
    const error = await fetchLibtorch(listener()).catch((error: unknown) => error);
    expect(error).toMatchObject({
      message: expect.stringMatching(/could not be fetched \(http:\/\/127\.0\.0\.1:9\/simple\/torch\/: .*ECONNREFUSED/),
      hint: expect.stringContaining("PIP_INDEX_URL"),
    });
    expect(JSON.stringify(error)).not.toContain("secret");
  });
});

describe("pip's settings without pip", () => {
  test("credentials in the index's address go there, for its files as well, and are never shown", async () => {
    bareMachine();
    const seen: Seen[] = [];
    const host = await listen(indexOf({ wheels, credentials: "some one:s3/cret" }, seen));
    vi.stubEnv("PIP_INDEX_URL", `http://some%20one:s3%2Fcret@${host}/simple`);
    const ui = listener();
    await fetchLibtorch(ui);
    expect(new Set(seen.map(({ authorization }) => authorization))).toEqual(new Set([basic("some one:s3/cret")]));
    expect(ui.lines.join("\n")).not.toMatch(/cret/);
  });

  test("wrong credentials are said to be so, without them", async () => {
    bareMachine();
    const host = await listen(indexOf({ wheels, credentials: "a:b" }));
    vi.stubEnv("PIP_INDEX_URL", `http://a:wrong@${host}/simple`);
    const error = await fetchLibtorch(listener()).catch((error: unknown) => error);
    expect(error).toMatchObject({
      message: expect.stringContaining(`http://${host}/simple/torch/ answered with status 401`),
    });
    expect(JSON.stringify(error)).not.toContain("wrong");
  });

  test("a file's extra index has what the first one lacks", async () => {
    const folder = bareMachine();
    const first = await listen(indexOf({ wheels: { torch: [] } }));
    const { host } = await useIndex();
    vi.stubEnv("PIP_INDEX_URL", undefined);
    vi.stubEnv("PIP_CONFIG_FILE", undefined);
    const text = `[global]\nindex-url = http://${first}/simple\n[install]\nextra-index-url =\n    http://${host}/simple\n`;
    write(folder, { "home/.config/pip/pip.conf": text });
    expect(filesOf(await fetchLibtorch(listener()))).toContain("torch/version.py");
  });

  test("a proxy is asked in its place, unless NO_PROXY names the host", async () => {
    bareMachine();
    const asked: string[] = [];
    const proxy = await listen(plainProxy(indexOf({ wheels }), asked));
    vi.stubEnv("PIP_INDEX_URL", "http://index.invalid/simple");
    vi.stubEnv("PIP_TRUSTED_HOST", "index.invalid");
    vi.stubEnv("PIP_PROXY", proxy);
    await fetchLibtorch(listener());
    expect(asked[0]).toBe("http://index.invalid/simple/torch/");

    bareMachine();
    const { seen } = await useIndex();
    vi.stubEnv("http_proxy", "http://127.0.0.1:9");
    vi.stubEnv("no_proxy", "127.0.0.1");
    await fetchLibtorch(listener());
    expect(seen.length).toBeGreaterThan(0);
  });

  test("an address that is not encrypted, or that forbids indexes, is refused with the reason", async () => {
    const folder = bareMachine();
    vi.stubEnv("PIP_INDEX_URL", "http://index.invalid/simple");
    await expect(fetchLibtorch(listener())).rejects.toThrow(
      "is not of https, and its host is not in pip's setting trusted-host",
    );
    vi.stubEnv("PIP_NO_INDEX", "1");
    await expect(fetchLibtorch(listener())).rejects.toThrow("pip's settings forbid package indexes");
    vi.stubEnv("PIP_NO_INDEX", undefined);
    vi.stubEnv("PIP_INDEX_URL", "file:///wheels");
    await expect(fetchLibtorch(listener())).rejects.toThrow("no address of http or https");
    vi.stubEnv("PIP_INDEX_URL", "https://index.invalid/simple");
    vi.stubEnv("PIP_CERT", join(folder, "none.pem"));
    await expect(fetchLibtorch(listener())).rejects.toThrow(/pip's setting cert cannot be followed \(ENOENT/);
  });

  test.skipIf(openssl === undefined)(
    "an unknown certificate is refused, and taken when cert or trusted-host says so",
    async () => {
      const folder = bareMachine();
      const options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1";
      const extension = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"];
      execFileSync(openssl ?? "", [...options.split(" "), ...extension], { cwd: folder, stdio: "ignore" });
      const [key, cert] = ["key.pem", "cert.pem"].map((file) => readFileSync(join(folder, file)));
      const host = await listen(createSecureServer({ key, cert }, indexOf({ wheels })) as never);
      vi.stubEnv("PIP_INDEX_URL", `https://${host}/simple`);
      await expect(fetchLibtorch(listener())).rejects.toThrow(/self-signed certificate/);
      vi.stubEnv("PIP_CERT", join(folder, "cert.pem"));
      const target = await fetchLibtorch(listener());
      expect(filesOf(target)).toContain("torch/version.py");
      vi.stubEnv("PIP_CERT", undefined);
      vi.stubEnv("REDIFF_CACHE", join(folder, "other"));
      vi.stubEnv("PIP_TRUSTED_HOST", "127.0.0.1");
      expect(filesOf(await fetchLibtorch(listener()))).toContain("torch/version.py");
    },
  );
});
