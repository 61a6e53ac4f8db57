// @ts-check
/** What wheels.py does, without Python: the torch wheel and those of its requirements that libtorch links to, found in
 *  pip's package index, downloaded and unpacked as in site-packages. */

import { shownUrl, WheelFailure } from "./failure.mjs";
import { listFiles } from "./package-index.mjs";
import { PipSession } from "./pip-session.mjs";
import { readPipSettings } from "./pip-settings.mjs";
import { markerHolds, parseRequirement } from "./requirements.mjs";
import { chooseWheel } from "./wheel-choice.mjs";
import { downloadWheel } from "./wheel-download.mjs";
import { requirementsOf, unpackWheels } from "./wheel-unpack.mjs";

/**
 * @typedef {object} Order
 * @property {string} version of torch
 * @property {boolean} cuda
 * @property {readonly string[]} platforms tags, the best first
 * @property {string} downloads folder
 * @property {string} into folder
 */

/**
 * @param {Order} order
 * @param {import("../wheel-report.mjs").Listener} say
 * @throws {WheelFailure}
 */
export async function fetchWheels({ version, cuda, platforms, downloads, into }, say) {
  const session = new PipSession(readPipSettings());
  /** @param {string} project
   *  @param {string} specifier */
  const fetchOne = async (project, specifier) => {
    const files = await listFiles(session, project);
    const file = chooseWheel(files, { project, specifier, platforms, cuda });
    if (file === undefined) {
      const places = session.settings.indexes.map(shownUrl).join(", ");
      throw new WheelFailure("notfound", `no wheel of ${project}${specifier} for this platform in ${places}`);
    }
    say({ event: "found", file: file.name });
    return await downloadWheel(session, file, downloads, cuda, say);
  };
  try {
    const wheels = await collect(fetchOne, version, cuda);
    await unpackWheels(wheels, into, cuda, say);
  } finally {
    await session.close();
  }
}

/**
 * Without CUDA's part only its runtime and CUPTI are needed, by libtorch_cpu itself of a CUDA build.
 * @param {(project: string, specifier: string) => Promise<string>} fetchOne
 * @param {string} version
 * @param {boolean} cuda
 * @returns {Promise<string[]>} paths
 */
async function collect(fetchOne, version, cuda) {
  const wanted = cuda ? /^(nvidia-|cuda-toolkit$)/ : /^(nvidia-cuda-(runtime|cupti)(-cu\d+)?|cuda-toolkit)$/;
  const wheels = new Map([["torch", await fetchOne("torch", `==${version}`)]]);
  /** @type {{ path: string, extras: string[] }[]} */
  const queue = [...wheels.values()].map((path) => ({ path, extras: [] }));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const extras = ["", ...next.extras];
    for (const line of await requirementsOf(next.path)) {
      const requirement = parseRequirement(line);
      if (requirement === undefined || wheels.has(requirement.project) || !wanted.test(requirement.project)) continue;
      if (!extras.some((extra) => markerHolds(requirement.marker, extra))) continue;
      const path = await fetchOne(requirement.project, requirement.specifier);
      wheels.set(requirement.project, path);
      queue.push({ path, extras: requirement.extras });
    }
  }
  return [...wheels.values()];
}
