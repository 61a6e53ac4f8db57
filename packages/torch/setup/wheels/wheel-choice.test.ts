import { describe, expect, test } from "vitest";
import type { IndexFile } from "./package-index.mjs";
import { markerHolds, parseRequirement, satisfies } from "./requirements.mjs";
import { chooseWheel } from "./wheel-choice.mjs";

const PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];

function chosen(names: string[], specifier = "==2.15.0", { cuda = false, yanked = "" } = {}): string | undefined {
  const files = names.map(
    (name): IndexFile => ({
      name,
      url: new URL(`https://host.invalid/${name}`),
      sha256: "0".repeat(64),
      yanked: name === yanked,
    }),
  );
  return chooseWheel(files, { project: "torch", specifier, platforms: PLATFORMS, cuda })?.name;
}

describe("the wheel that is chosen", () => {
  const usual = "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl";

  test("is for this platform, of the version, of CPython 3.12 before others and of any rather than none", () => {
    const other = "torch-2.15.0-cp314-cp314-manylinux_2_28_x86_64.whl";
    const without = "torch-2.15.0-cp313-cp313t-manylinux_2_28_x86_64.whl";
    const wrong = [
      "torch-2.15.0-cp312-cp312-win_amd64.whl",
      "torch-2.15.0-cp312-cp312-manylinux_2_28_aarch64.whl",
      "torch-2.15.1-cp312-cp312-manylinux_2_28_x86_64.whl",
      "torch-2.15.0rc1-cp312-cp312-manylinux_2_28_x86_64.whl",
      "torchvision-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl",
      "torch-2.15.0.tar.gz",
      "../torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    ];
    expect(chosen([...wrong, without, other, usual])).toBe(usual);
    expect(chosen([...wrong, without, other])).toBe(other);
    expect(chosen([...wrong, without])).toBe(without);
    expect(chosen(wrong)).toBeUndefined();
  });

  test("is for any of the platforms that its name has", () => {
    const name = "torch-2.15.0-cp312-cp312-manylinux2010_x86_64.manylinux2014_x86_64.whl";
    expect(chosen([name])).toBe(name);
  });

  test("is the build for CPUs on a CPU, and the one with CUDA for a GPU", () => {
    const [cpu, cu132] = ["cpu", "cu132"].map((local) => usual.replace("2.15.0", `2.15.0+${local}`));
    expect(chosen([String(cu132), usual, String(cpu)])).toBe(cpu);
    expect(chosen([String(cu132), usual, String(cpu)], "==2.15.0", { cuda: true })).toBe(cu132);
    expect(chosen([usual, String(cu132)], "==2.15.0+cu132")).toBe(cu132);
  });

  test("is a withdrawn one only where there is no other", () => {
    const older = "torch-2.14.0-cp312-cp312-manylinux_2_28_x86_64.whl";
    expect(chosen([usual, older], ">=2.14", { yanked: usual })).toBe(older);
    expect(chosen([usual], "==2.15.0", { yanked: usual })).toBe(usual);
  });
});

test.each([
  ["13.2.86", "==13.2.86.*", true],
  ["13.2.86.1", "==13.2.86.*", true],
  ["13.2.8", "==13.2.86.*", false],
  ["13.2", "==13.2.0", true],
  ["2.15.0+cpu", "==2.15.0", true],
  ["2.15.0+cpu", "==2.15.0+cu132", false],
  ["1.10", ">=1.9,<2", true],
  ["1.10", "!=1.10.*", false],
  ["2.2.1", "~=2.2", true],
  ["3.0", "~=2.2", false],
  ["2.0.post1", ">2.0", true],
  ["2.0rc1", ">=1", false],
  ["2.0rc1", "==2.0rc1", true],
  ["1.0", "@nonsense", false],
])("version %s and %s: %s", (version, specifier, expected) => {
  expect(satisfies(version, specifier)).toBe(expected);
});

test("a requirement has a project, extras, versions and a condition", () => {
  expect(parseRequirement('Nvidia_Cuda.Runtime[one, Two] (==13.2.*, >1) ; extra == "x"')).toEqual({
    project: "nvidia-cuda-runtime",
    extras: ["one", "two"],
    specifier: "==13.2.*,>1",
    marker: 'extra == "x"',
  });
  expect(parseRequirement("sympy")).toMatchObject({ project: "sympy", specifier: "", marker: "" });
  expect(parseRequirement("x @ https://host.invalid/x.whl")).toBeUndefined();
});

test.each([
  ["", true],
  ["platform_system != 'Windows'", true],
  ["platform_system == 'Windows' or sys_platform in 'linux darwin'", true],
  ["(platform_system == 'Windows' or os_name == 'posix') and extra == 'cudart'", true],
  ["os_name == 'posix' and (extra == 'other' or python_version < '3')", false],
  ["python_version >= '3.9'", true],
  ["extra not in 'cudart cupti'", false],
  ["nonsense", false],
])("the condition %j holds: %s", (marker, expected) => {
  expect(markerHolds(marker, "cudart")).toBe(expected);
});
