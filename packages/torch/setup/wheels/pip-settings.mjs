// @ts-check
/** pip's settings, read as pip reads them: its files, the system's before the user's, then PIP_* of the environment. Of each
 *  file the section [global], then those of the commands. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { describe } from "../paths.mjs";
import { WheelFailure } from "./failure.mjs";

const PUBLIC_INDEX = "https://pypi.org/simple";
const SECTIONS = ["global", "install", "download"]; // the later ones win

/**
 * @typedef {object} PipSettings
 * @property {string[]} indexes addresses, credentials in them; none where the settings forbid it
 * @property {string[]} trustedHosts host or host:port
 * @property {string | undefined} cert file of the authorities to trust
 * @property {string | undefined} clientCert file with a certificate and its key
 * @property {string | undefined} proxy for everything, before those of the environment
 * @property {number} timeoutMs in which something has to come
 * @property {number} retries
 */

/**
 * @returns {PipSettings}
 * @throws {WheelFailure} for a file that cannot be read
 */
export function readPipSettings() {
  const values = new Map([...fileValues(), ...environmentValues()]);
  const list = (/** @type {string} */ name) => (values.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
  const number = (/** @type {string} */ name, /** @type {number} */ usual) => {
    const value = Number.parseFloat(values.get(name) ?? "");
    return Number.isFinite(value) && value >= 0 ? value : usual;
  };
  const { REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE } = process.env;
  const forbidden = /^(1|y|yes|t|true|on)$/i.test(values.get("no-index") ?? "");
  return {
    indexes: forbidden ? [] : [values.get("index-url") ?? PUBLIC_INDEX, ...list("extra-index-url")],
    trustedHosts: list("trusted-host"),
    cert: path(values.get("cert") ?? (REQUESTS_CA_BUNDLE || CURL_CA_BUNDLE || undefined)),
    clientCert: path(values.get("client-cert")),
    proxy: values.get("proxy"),
    timeoutMs: 1000 * Math.max(1, number("timeout", number("default-timeout", 15))),
    retries: number("retries", 5),
  };
}

function environmentValues() {
  return Object.entries(process.env).flatMap(([name, value]) => {
    const option = /^PIP_(.+)$/.exec(name)?.[1];
    const isSetting = option !== undefined && option !== "CONFIG_FILE" && value !== undefined && value !== "";
    return isSetting ? [/** @type {[string, string]} */ ([optionName(option), value])] : [];
  });
}

function fileValues() {
  /** @type {Map<string, Map<string, string>>} */
  const sections = new Map(SECTIONS.map((name) => [name, new Map()]));
  for (const file of settingsFiles())
    for (const [section, option, value] of parseSettings(read(file)))
      if (value !== "") sections.get(section)?.set(optionName(option), value);
  return SECTIONS.flatMap((name) => [...(sections.get(name) ?? [])]);
}

/** The places where pip looks, the strongest last. A PIP_CONFIG_FILE that is there stands for the user's own. */
function settingsFiles() {
  const given = process.env.PIP_CONFIG_FILE;
  if (given === "/dev/null") return [];
  const system =
    process.platform === "darwin"
      ? ["/Library/Application Support/pip/pip.conf"]
      : [
          ...(process.env.XDG_CONFIG_DIRS || "/etc/xdg").split(":").map((folder) => join(folder, "pip", "pip.conf")),
          "/etc/pip.conf",
        ];
  if (given) return [...system, given];
  const home = process.env.HOME || homedir();
  const { XDG_CONFIG_HOME } = process.env;
  const configuration = XDG_CONFIG_HOME && isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : join(home, ".config");
  const user = [join(home, ".pip", "pip.conf"), join(configuration, "pip", "pip.conf")];
  if (process.platform === "darwin") user.push(join(home, "Library", "Application Support", "pip", "pip.conf"));
  return [...system, ...user];
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return "";
    throw new WheelFailure("settings", `pip's settings cannot be read (${describe(error)})`);
  }
}

/**
 * The lines of Python's configparser: `key = value` or `key: value`, values going on in indented lines.
 * @param {string} text
 * @returns {[section: string, option: string, value: string][]}
 */
export function parseSettings(text) {
  /** @type {[string, string, string][]} */
  const found = [];
  let section = "";
  /** @type {[string, string, string] | undefined} */
  let open;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, heading] = /^\[([^\]]+)\]/.exec(line) ?? [];
    const [, key = "", value = ""] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (/^\s/.test(line)) {
      if (open !== undefined) open[2] = `${open[2]}\n${line.trim()}`.trim();
    } else if (heading !== undefined) {
      section = heading;
      open = undefined;
    } else {
      open = key === "" ? undefined : [section, key, value];
      if (open !== undefined) found.push(open);
    }
  }
  return found;
}

/** @param {string} name */
function optionName(name) {
  return name.toLowerCase().replace(/_/g, "-").replace(/^--/, "");
}

/** @param {string | undefined} file */
function path(file) {
  return file?.replace(/^~(?=\/|$)/, process.env.HOME || homedir());
}
