// @ts-check
/** The simple repository API: a project's page, HTML (PEP 503) or JSON (PEP 691), to the files that it lists. */
import { describe } from "../paths.mjs";
import { shownUrl, WheelFailure } from "./failure.mjs";

/**
 * @typedef {object} IndexFile
 * @property {string} name
 * @property {URL} url
 * @property {string | undefined} sha256
 * @property {boolean} yanked withdrawn by who published it
 */

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
const ACCEPT = `${JSON_TYPE}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`;
const MAX_PAGE_BYTES = 64 << 20; // the longest of the public index has about 10 MB
const MAX_WAIT_MS = 4000;

/**
 * All files of a project, of all indexes. An index that fails is passed over while another one has the project.
 * @param {import("./pip-session.mjs").PipSession} session
 * @param {string} project as PEP 503 writes it
 * @returns {Promise<IndexFile[]>}
 * @throws {WheelFailure} where no index has it: why
 */
export async function listFiles(session, project) {
  const { indexes } = session.settings;
  if (indexes.length === 0)
    throw new WheelFailure(
      "settings",
      "pip's settings forbid package indexes (no-index), and without pip there is no other way",
    );
  /** @type {IndexFile[]} */
  const files = [];
  /** @type {WheelFailure[]} */
  const problems = [];
  for (const index of indexes) {
    try {
      files.push(...(await readPage(session, pageAddress(index, project))));
    } catch (error) {
      if (!(error instanceof WheelFailure)) throw error;
      problems.push(error);
    }
  }
  const worst = problems.find(({ kind }) => kind !== "notfound") ?? problems[0];
  if (files.length === 0 && worst !== undefined) throw worst;
  return files;
}

/**
 * @param {string} index
 * @param {string} project
 */
function pageAddress(index, project) {
  const address = URL.canParse(index) ? new URL(index) : undefined;
  if (address === undefined || !/^https?:$/.test(address.protocol))
    throw new WheelFailure("settings", "pip's settings name a package index that is no address of http or https");
  address.pathname = `${address.pathname.replace(/\/+$/, "")}/${project}/`;
  return address;
}

/**
 * @param {import("./pip-session.mjs").PipSession} session
 * @param {URL} address
 */
async function readPage(session, address) {
  const shown = shownUrl(address);
  if (!session.isSecure(address))
    throw new WheelFailure("settings", `${shown} is not of https, and its host is not in pip's setting trusted-host`);
  for (let failed = 0; ; failed++) {
    try {
      const { status, body, url, header } = await session.get(address, { accept: ACCEPT });
      if (!session.isSecure(url)) {
        body.destroy().on("error", () => {});
        throw new WheelFailure("network", `${shown} leads to ${shownUrl(url)}, which is not encrypted`);
      }
      if (status < 500 || failed >= session.settings.retries) {
        const text = await readText(body, shown);
        if (status !== 200) throw refused(shown, status);
        return parsePage(text, header("content-type") ?? "", url);
      }
      body.destroy().on("error", () => {});
    } catch (error) {
      if (error instanceof WheelFailure) throw error;
      if (failed >= session.settings.retries) throw new WheelFailure("network", `${shown}: ${reason(error)}`);
    }
    await new Promise((resume) => setTimeout(resume, Math.min(250 * 2 ** failed, MAX_WAIT_MS)));
  }
}

/**
 * @param {string} shown
 * @param {number} status
 */
function refused(shown, status) {
  if (status === 404) return new WheelFailure("notfound", `${shown} is not there`);
  const why = status === 401 || status === 403 ? ": it wants other credentials" : "";
  return new WheelFailure("network", `${shown} answered with status ${status}${why}`);
}

/**
 * @param {import("./pip-session.mjs").Answer["body"]} body
 * @param {string} shown
 */
async function readText(body, shown) {
  /** @type {Buffer[]} */
  const parts = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_PAGE_BYTES) throw new WheelFailure("network", `${shown} is longer than a package index's page`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** What a failed connection has to say: the cause, where there is one.
 *  @param {unknown} error
 *  @returns {string} */
export function reason(error) {
  const { errors = [], cause } = /** @type {{ errors?: unknown[], cause?: unknown }} */ (error ?? {});
  if (errors[0] instanceof Error) return reason(errors[0]);
  if (cause instanceof Error) return reason(cause);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return describe(error) || code || "the connection failed";
}

/**
 * @param {string} text
 * @param {string} contentType
 * @param {URL} base the page's address
 * @returns {IndexFile[]}
 * @throws {WheelFailure} for what is no page of a package index
 */
export function parsePage(text, contentType, base) {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === JSON_TYPE || type === "application/json") return parseJson(text, base);
  if (type === "application/vnd.pypi.simple.v1+html" || type === "text/html") return parseHtml(text, base);
  throw new WheelFailure("network", `${shownUrl(base)} is no page of a package index, but ${type || "of no type"}`);
}

/**
 * @param {string} text
 * @param {URL} base
 */
function parseJson(text, base) {
  const bad = () =>
    new WheelFailure("network", `${shownUrl(base)} is no page of a package index: its JSON has no files`);
  /** @type {unknown} */
  let page;
  try {
    page = JSON.parse(text);
  } catch {
    throw bad();
  }
  if (!isRecord(page) || !Array.isArray(page.files)) throw bad();
  return page.files.flatMap((/** @type {unknown} */ file) => {
    if (!isRecord(file) || typeof file.url !== "string") return [];
    const sha256 = isRecord(file.hashes) ? file.hashes.sha256 : undefined;
    const name = typeof file.filename === "string" ? file.filename : "";
    return entry(base, file.url, name, typeof sha256 === "string" ? sha256 : undefined, Boolean(file.yanked));
  });
}

/**
 * @param {string} text
 * @param {URL} base
 */
function parseHtml(text, base) {
  const start = /<base\b[^<>]*\bhref\s*=\s*["']?([^"'\s>]+)/i.exec(text)?.[1];
  const origin = start !== undefined && URL.canParse(start, base.href) ? new URL(start, base) : base;
  // No "<" outside of quotes: or a page of nothing but "<a" would be read to its end from each.
  return [...text.matchAll(/<a\b((?:"[^"]*"|'[^']*'|[^'"<>])*)>/gi)].flatMap(([, attributes = ""]) => {
    const href = attribute(attributes, "href");
    if (href === undefined) return [];
    const sha256 = /#(?:.*&)?sha256=([0-9a-f]+)/i.exec(href)?.[1];
    return entry(origin, href, "", sha256, attribute(attributes, "data-yanked") !== undefined);
  });
}

/**
 * @param {string} text of a tag
 * @param {string} name
 */
function attribute(text, name) {
  for (const [, key = "", double, single, bare] of text.matchAll(
    /([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g,
  ))
    if (key.toLowerCase() === name) return unescaped(double ?? single ?? bare ?? "");
  return undefined;
}

/** @param {string} text */
function unescaped(text) {
  const named = new Map([
    ["amp", "&"],
    ["lt", "<"],
    ["gt", ">"],
    ["quot", '"'],
    ["apos", "'"],
  ]);
  return text.replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return named.get(name.toLowerCase()) ?? whole;
    return String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal === undefined ? 16 : 10));
  });
}

/**
 * @param {URL} base
 * @param {string} href
 * @param {string} name empty: the last part of the address
 * @param {string | undefined} sha256
 * @param {boolean} yanked
 * @returns {IndexFile[]} none for an address that is none
 */
function entry(base, href, name, sha256, yanked) {
  if (!URL.canParse(href, base.href)) return [];
  const url = new URL(href, base);
  url.hash = "";
  const file = name || lastPart(url);
  return [
    { name: file, url, sha256: /^[0-9a-f]{64}$/i.test(sha256 ?? "") ? sha256?.toLowerCase() : undefined, yanked },
  ];
}

/** @param {URL} url */
function lastPart({ pathname }) {
  const part = pathname.split("/").pop() ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
