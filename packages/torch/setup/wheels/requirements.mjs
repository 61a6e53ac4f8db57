// @ts-check
/** What one wheel requires of others: PEP 508's lines, with their conditions, and PEP 440's versions as far as final
 *  releases go. */

/**
 * @typedef {object} Requirement
 * @property {string} project as PEP 503 writes it
 * @property {string[]} extras
 * @property {string} specifier for example ==13.2.86.*
 * @property {string} marker empty: always
 */

const MOST_LETTERS = 2000; // a condition's parentheses are a stack, too

/** @param {string} name */
export function projectName(name) {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/**
 * @param {string} line
 * @returns {Requirement | undefined} of what an index has; undefined for an address of its own, and for what nobody writes
 */
export function parseRequirement(line) {
  if (line.length > MOST_LETTERS) return undefined;
  const [, name, extras = "", specifier = "", marker = ""] =
    /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*\(?([^;@()]*)\)?\s*(?:;(.*))?$/.exec(
      line.replace(/\s+/g, " "), // a run of spaces could be divided in many ways
    ) ?? [];
  if (name === undefined) return undefined;
  return {
    project: projectName(name),
    extras: extras.split(",").flatMap((extra) => (extra.trim() === "" ? [] : [projectName(extra.trim())])),
    specifier: specifier.replace(/\s+/g, ""),
    marker: marker.trim(),
  };
}

// ---- versions --------------------------------------------------------------------------------------------------

/**
 * @typedef {object} Version
 * @property {number[]} release
 * @property {number} post
 * @property {string} local for example cu132; empty without
 */

/** @param {string} text
 *  @returns {Version | undefined} undefined for what is no final release */
export function parseVersion(text) {
  const [, release, post, local = ""] =
    /^v?(\d+(?:\.\d+)*)(?:\.post(\d+))?(?:\+([a-z0-9._-]+))?$/i.exec(text.trim()) ?? [];
  if (release === undefined) return undefined;
  return {
    release: release.split(".").map(Number),
    post: post === undefined ? -1 : Number(post),
    local: local.toLowerCase(),
  };
}

/**
 * @param {Version} a
 * @param {Version} b
 * @returns {number} above 0 where a is newer; local parts do not count
 */
export function compareVersions(a, b) {
  for (let i = 0; i < Math.max(a.release.length, b.release.length); i++) {
    const difference = (a.release[i] ?? 0) - (b.release[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.post - b.post;
}

/**
 * Whether a version is one of those that a specifier names; what cannot be read names none.
 * @param {string} version
 * @param {string} specifier
 */
export function satisfies(version, specifier) {
  const found = parseVersion(version);
  return specifier.split(",").every((part) => {
    const [, operator = "", wanted = ""] = /^(===|==|!=|~=|>=|<=|>|<)(.+)$/.exec(part.trim()) ?? [];
    if (part.trim() === "") return found !== undefined;
    if (operator === "===" || (operator === "==" && version === wanted)) return version === wanted;
    return found !== undefined && holds(found, operator, wanted);
  });
}

/**
 * @param {Version} found
 * @param {string} operator
 * @param {string} wanted
 * @returns {boolean}
 */
function holds(found, operator, wanted) {
  const prefix = /^(.+)\.\*$/.exec(wanted)?.[1];
  const limit = parseVersion(prefix ?? wanted);
  if (limit === undefined) return false;
  const order = compareVersions(found, limit);
  const below = (/** @type {number} */ parts) =>
    limit.release.slice(0, parts).every((number, i) => number === (found.release[i] ?? 0));
  if (operator === "==") {
    if (prefix !== undefined) return below(limit.release.length);
    return order === 0 && (limit.local === "" || limit.local === found.local);
  }
  if (operator === "!=") return !holds(found, "==", wanted);
  if (operator === "~=") return order >= 0 && below(limit.release.length - 1);
  if (operator === ">=") return order >= 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order < 0;
}

// ---- conditions ------------------------------------------------------------------------------------------------

/**
 * Whether a condition (PEP 508's marker) holds on this machine. What is asked of Python is answered as by CPython 3.12.
 * @param {string} marker
 * @param {string} extra
 * @returns {boolean}
 */
export function markerHolds(marker, extra) {
  if (marker === "") return true;
  const tokens = marker.match(/"[^"]*"|'[^']*'|\(|\)|[<>=!~]+|[\w.]+/g) ?? [];
  const values = markerValues(extra);
  let at = 0;
  const operand = () => {
    const token = tokens[at++] ?? "";
    return /^["']/.test(token) ? token.slice(1, -1) : (values.get(token) ?? "");
  };
  /** @returns {boolean} */
  const atom = () => {
    if (tokens[at] === "(") {
      at++;
      const inner = either();
      at++;
      return inner;
    }
    const left = operand();
    const isNegated = tokens[at] === "not";
    if (isNegated) at++;
    const operator = tokens[at++] ?? "";
    return compares(left, isNegated ? `not ${operator}` : operator, operand());
  };
  /** @returns {boolean} */
  const both = () => {
    let result = atom();
    while (tokens[at] === "and") {
      at++;
      const next = atom();
      result = result && next;
    }
    return result;
  };
  /** @returns {boolean} */
  const either = () => {
    let result = both();
    while (tokens[at] === "or") {
      at++;
      const next = both();
      result = result || next;
    }
    return result;
  };
  return either();
}

/**
 * @param {string} left
 * @param {string} operator
 * @param {string} right
 */
function compares(left, operator, right) {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  if (parseVersion(left) !== undefined && parseVersion(right) !== undefined)
    return satisfies(left, `${operator}${right}`);
  return operator === "!=" ? left !== right : operator.startsWith("==") && left === right;
}

/** @param {string} extra */
function markerValues(extra) {
  const isMac = process.platform === "darwin";
  const machine = process.arch === "x64" ? "x86_64" : isMac ? "arm64" : "aarch64";
  return new Map([
    ["extra", extra],
    ["os_name", "posix"],
    ["sys_platform", process.platform],
    ["platform_system", isMac ? "Darwin" : "Linux"],
    ["platform_machine", machine],
    ["python_version", "3.12"],
    ["python_full_version", "3.12.0"],
    ["implementation_name", "cpython"],
    ["platform_python_implementation", "CPython"],
  ]);
}
