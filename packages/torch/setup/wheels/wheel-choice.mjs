// @ts-check
/** Which of an index's files is the wheel to take: by version, platform and Python, read from its name (PEP 427). */
import { compareVersions, parseVersion, projectName, satisfies } from "./requirements.mjs";

const USUAL_PYTHON = "cp312"; // the one that is asked for with pip; of libtorch all have the same

/**
 * @typedef {object} Wanted
 * @property {string} project as PEP 503 writes it
 * @property {string} specifier
 * @property {readonly string[]} platforms tags, the best first
 * @property {boolean} cuda whether a build with CUDA is better than one without
 */

/**
 * The best wheel of those that fit; withdrawn ones only where there is no other.
 * @param {readonly import("./package-index.mjs").IndexFile[]} files
 * @param {Wanted} wanted
 * @returns {import("./package-index.mjs").IndexFile | undefined}
 */
export function chooseWheel(files, wanted) {
  const fitting = files.flatMap((file) => {
    const wheel = parseWheelName(file.name);
    if (wheel === undefined || wheel.project !== wanted.project || !satisfies(wheel.version, wanted.specifier))
      return [];
    const places = wheel.platforms.map((tag) =>
      tag === "any" ? wanted.platforms.length : wanted.platforms.indexOf(tag),
    );
    const place = Math.min(...places.filter((index) => index >= 0));
    return Number.isFinite(place) ? [{ file, wheel, place }] : [];
  });
  fitting.sort(
    (a, b) =>
      Number(a.file.yanked) - Number(b.file.yanked) ||
      newerFirst(a.wheel.version, b.wheel.version) ||
      localRank(a.wheel.version, wanted.cuda) - localRank(b.wheel.version, wanted.cuda) ||
      Number(a.file.sha256 === undefined) - Number(b.file.sha256 === undefined) ||
      a.place - b.place ||
      pythonRank(a.wheel.python, a.wheel.abi) - pythonRank(b.wheel.python, b.wheel.abi) ||
      (a.file.name < b.file.name ? -1 : 1),
  );
  return fitting[0]?.file;
}

/**
 * @param {string} name
 * @returns {{ project: string, version: string, python: string, abi: string, platforms: string[] } | undefined}
 */
export function parseWheelName(name) {
  const [, project, version, python, abi, platform] =
    /^([^-/\\]+)-([^-/\\]+)(?:-\d[^-/\\]*)?-([^-/\\]+)-([^-/\\]+)-([^-/\\]+)\.whl$/.exec(name) ?? [];
  if (project === undefined || version === undefined || python === undefined || abi === undefined) return undefined;
  return { project: projectName(project), version, python, abi, platforms: (platform ?? "").split(".") };
}

/**
 * @param {string} a
 * @param {string} b
 */
function newerFirst(a, b) {
  const [first, second] = [parseVersion(a), parseVersion(b)];
  return first === undefined || second === undefined ? 0 : compareVersions(second, first);
}

/** Of builds of one version: for a CPU the one made for CPUs, which needs no libraries of NVIDIA's.
 *  @param {string} version
 *  @param {boolean} cuda */
function localRank(version, cuda) {
  const local = parseVersion(version)?.local ?? "";
  if (local === "") return 1;
  if (local.startsWith("cpu")) return cuda ? 2 : 0;
  return local.startsWith("cu") ? (cuda ? 0 : 2) : 3;
}

/**
 * @param {string} python
 * @param {string} abi
 */
function pythonRank(python, abi) {
  if (python.split(".").includes(USUAL_PYTHON) || !python.startsWith("cp")) return 0;
  return abi.endsWith("t") ? 2 : 1; // builds without the interpreter's lock
}
