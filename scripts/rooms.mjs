// @ts-check
/** The order of the rooms of packages/rediff/src: a file imports from its own room and from those of lower floors. A
 *  source beside the folders (errors.ts) is a room of its own. */

/** From the ground up. Rooms of one floor do not know each other. */
export const floors = [
  ["errors", "version", "printable"],
  ["units", "status-line", "embedded"],
  ["files", "network", "options", "threads"],
  ["text", "vision", "hub", "ranks"],
  ["models"],
  ["checkpoint"],
  ["diffusion", "data"],
  ["training", "inference"],
  ["scenes"],
  ["pipeline"],
  ["evaluation"],
  ["serving"],
  ["cli"],
  ["demo", "index"],
];

/** Arrows against the order, and why each is there.
 * @type {Record<string, string>} */
export const exceptions = {};

/** Helpers of tests and what only development runs: they may import from anywhere, and no room may import them. */
export const isForTests = /** @param {string} path */ (path) =>
  /\.test\.tsx?$/.test(path) || /(^|\/)(testing|fixtures|testdata)\//.test(path);

/** Sources that one folder may hold; tests do not count. */
export const mostSources = 15;

/** Base names that stand more than once in a package, for one idea on several floors.
 * @type {Record<string, string>} */
export const sharedNames = {
  index: "What a package, or a part that is used as one, exports.",
  chat: "The command and the route.",
  fill: "The command, the task and the route.",
  refine: "The command, the task and the route.",
  evaluate: "The command and what it runs.",
  improve: "The command and the loop that it runs.",
  launch: "The command and what it does.",
  pull: "The command and the download that it runs.",
  scenes: "The command group, and the route that tells the studio of the world.",
};
