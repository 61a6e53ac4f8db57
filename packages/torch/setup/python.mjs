// @ts-check
/** Asks the Python on the path what it has, without importing torch (which takes seconds) and without trusting the
 *  working directory, where a folder called torch would pass for one. */
import { tmpdir } from "node:os";
import { onPath } from "./paths.mjs";
import { run } from "./run.mjs";

/**
 * @typedef {object} Python
 * @property {string} command where it was found
 * @property {string} version
 * @property {boolean} pip
 * @property {string | null} torch the folder of its torch package
 */

const PROBE = `
import importlib.util, json, os, sys
sys.path = [p for p in sys.path if p]
def folder(name):
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        return None
    return os.path.dirname(spec.origin) if spec is not None and spec.origin else None
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])), "supported": sys.version_info >= (3, 8),
    "pip": folder("pip") is not None, "torch": folder("torch")}))
`;

/**
 * python3 and python of the path, in this order, as far as they run.
 * @returns {Promise<Python[]>}
 */
export async function findPythons() {
  const commands = ["python3", "python"].flatMap((name) => onPath(name) ?? []);
  const found = await Promise.all(commands.map(probe));
  return found.flatMap((python) => python ?? []);
}

/**
 * @param {string} command
 * @returns {Promise<Python | undefined>}
 */
async function probe(command) {
  const { status, stdout } = await run(command, ["-c", PROBE], { cwd: tmpdir(), timeoutMs: 30_000 });
  const line = stdout.trim().split("\n").pop(); // a site's start-up code may print too
  if (status !== 0 || !line?.startsWith("{")) return undefined;
  const { version, supported, pip, torch } = JSON.parse(line);
  return supported === true ? { command, version, pip, torch } : undefined;
}
