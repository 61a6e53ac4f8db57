// @ts-check
/** Which wheels run on this system, and whether any does. */
import { release } from "node:os";
import { SetupError } from "./errors.mjs";
import { platformName } from "./paths.mjs";
import { OWN_TORCH } from "./wheel-report.mjs";

/**
 * The tags of wheels that run here, newest first.
 * @returns {string[]}
 */
export function wheelPlatforms() {
  const machine = process.arch === "x64" ? "x86_64" : process.platform === "darwin" ? "arm64" : "aarch64";
  if (process.platform === "darwin") {
    const kernel = Number.parseInt(release(), 10); // 23 is macOS 14, 24 is 15; then Apple skipped to 26 for 25
    const newest = kernel >= 25 ? kernel + 1 : kernel - 9;
    return range(newest, 11).map((major) => `macosx_${major}_0_${machine}`);
  }
  return [...range(28, 17).map((minor) => `manylinux_2_${minor}_${machine}`), `manylinux2014_${machine}`];
}

/**
 * @param {number} from
 * @param {number} to not above `from`; included
 */
function range(from, to) {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => from - i);
}

/** Throws where no wheel of torch runs and the addon has not been made to. */
export function assertPlatform() {
  if (process.platform === "win32") {
    throw new SetupError(
      "Windows itself is not supported",
      "Use the Windows Subsystem for Linux (wsl --install), and Node there.",
    );
  }
  if (!["linux-x64", "linux-arm64", "darwin-arm64"].includes(platformName)) {
    throw new SetupError(
      `no libtorch for ${platformName}`,
      "Supported are Linux on x64 and arm64, and macOS on Apple silicon (with a Node for arm64).",
    );
  }
}

/** The version of this process's glibc; undefined with another C library. */
export function glibcVersion() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime;
}

/** Throws where the wheels' C library is missing; a LIBTORCH of one's own may be built for another. */
export function assertWheelRuns() {
  if (process.platform !== "linux") return;
  const glibc = glibcVersion();
  const [major = 0, minor = 0] = (glibc ?? "0").split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 28)) return;
  throw new SetupError(
    glibc === undefined
      ? "the torch wheels need glibc, and this system has another C library (Alpine's musl?)"
      : `the torch wheels need glibc 2.28, and this system has ${glibc}`,
    `Use a newer distribution that has glibc (Debian 12 and Ubuntu 22.04 do). ${OWN_TORCH}`,
  );
}
