// @ts-check
/** Whether this Node is new enough, in words that old ones understand too: no newer syntax here or in what imports this
 *  statically, since a file is parsed as a whole before any of it runs. */

const [wantedMajor, wantedMinor] = [20, 19]; // "engines" of package.json, and what a test keeps the same

/** @returns {string | undefined} what is wrong, and what to do */
export function nodeProblem() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  const story = `Node ${wantedMajor}.${wantedMinor} or newer is needed, this is ${process.versions.node}.`;
  return `${story} Install a newer one (nodejs.org, nvm, or your system's packages).`;
}
