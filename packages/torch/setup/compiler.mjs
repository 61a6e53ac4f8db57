// @ts-check
/** Finds a C++ compiler that can compile libtorch's headers, that is C++20. */
import { SetupError } from "./errors.mjs";
import { onPath } from "./paths.mjs";
import { run } from "./run.mjs";

/**
 * @typedef {object} Compiler
 * @property {string} command
 * @property {string[]} args that always go first (`CXX="ccache g++"`)
 * @property {string} version the first line of --version
 */

const PROGRAM =
  "#include <concepts>\n#include <string>\ntemplate <std::integral T> T id(T x) { return x; }\nint main() { return id(0); }\n";

const INSTALL =
  process.platform === "darwin"
    ? "Install Apple's command line tools: xcode-select --install."
    : "Install g++ 11 or newer, or clang 14 (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++).";
const PREBUILT = "Or set REDIFF_PREBUILT to an addon that was built elsewhere (npm run prebuild).";

/**
 * `CXX` if set, then that one or none; else the first of the usual names that compiles a C++20 program.
 * @returns {Promise<Compiler>}
 */
export async function findCompiler() {
  const chosen = process.env.CXX?.trim();
  const candidates = chosen ? [chosen] : ["c++", "g++", "clang++", "g++-14", "g++-13", "g++-12", "g++-11"];
  /** @type {string[]} */
  const refused = [];
  for (const candidate of candidates) {
    const [name = "", ...args] = candidate.split(/\s+/);
    const command = onPath(name);
    if (command === undefined) continue;
    const version = (await run(command, [...args, "--version"], { timeoutMs: 30_000 })).stdout.split("\n")[0] ?? "";
    const test = await run(command, [...args, "-std=c++20", "-x", "c++", "-fsyntax-only", "-"], {
      input: PROGRAM,
      timeoutMs: 60_000,
    });
    if (test.status === 0) return { command, args, version };
    refused.push(`${version || candidate}: ${test.stderr.split("\n")[0]}`);
  }
  if (refused.length > 0) {
    throw new SetupError(
      `the C++ compiler cannot compile C++20 (${refused.join("; ")})`,
      `${INSTALL} Or name another one in CXX.`,
    );
  }
  throw new SetupError(
    chosen ? `there is no C++ compiler CXX=${chosen}` : "there is no C++ compiler",
    `${INSTALL} ${PREBUILT}`,
  );
}
