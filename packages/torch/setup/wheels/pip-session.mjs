// @ts-check
/** Requests as pip makes them: its proxy and certificates, its trusted hosts, the credentials in the indexes' addresses. */
import { readFileSync } from "node:fs";
import { EnvHttpProxyAgent, request } from "undici";
import { describe } from "../paths.mjs";
import { shownUrl, WheelFailure } from "./failure.mjs";

const MAX_REDIRECTS = 8;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {import("undici").Dispatcher.ResponseData["body"]} body which must be read or destroyed
 * @property {URL} url where it came from, after redirects
 * @property {(name: string) => string | undefined} header
 */

export class PipSession {
  /** @type {Map<string, EnvHttpProxyAgent>} by scheme and trust */
  #agents = new Map();
  /** @type {Map<string, string>} by origin */
  #credentials = new Map();

  /** @param {import("./pip-settings.mjs").PipSettings} settings */
  constructor(settings) {
    this.settings = settings;
    for (const index of settings.indexes) if (URL.canParse(index)) this.#remember(new URL(index));
  }

  /**
   * @param {string | URL} address
   * @param {Record<string, string>} headers
   * @returns {Promise<Answer>} of whatever status
   * @throws {WheelFailure} for settings that cannot be followed; whatever the network has for connections that fail
   */
  async get(address, headers) {
    let url = new URL(address);
    for (let redirects = 0; ; redirects++) {
      this.#remember(url);
      const authorization = this.#credentials.get(url.origin);
      const {
        statusCode,
        headers: answered,
        body,
      } = await request(withoutCredentials(url), {
        dispatcher: this.#agent(url),
        headers: { "user-agent": "rediff-torch-setup", ...headers, ...(authorization ? { authorization } : {}) },
        headersTimeout: this.settings.timeoutMs,
        bodyTimeout: this.settings.timeoutMs,
      });
      const header = (/** @type {string} */ name) => {
        const value = answered[name];
        return Array.isArray(value) ? value[0] : value;
      };
      const location = header("location");
      if (!REDIRECTS.has(statusCode) || location === undefined) return { status: statusCode, body, url, header };
      body.destroy().on("error", () => {});
      if (redirects === MAX_REDIRECTS) throw new WheelFailure("network", `${shownUrl(address)} redirects without end`);
      if (!URL.canParse(location, url.href))
        throw new WheelFailure("network", `${shownUrl(address)} redirects to what is no address`);
      url = new URL(location, url);
    }
  }

  /** Whether what comes from there is what its host sent: encrypted, this machine, or trusted by pip's settings.
   *  @param {URL} url */
  isSecure({ protocol, hostname, host }) {
    if (protocol === "https:" || this.#isTrusted(hostname, host)) return true;
    return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
  }

  async close() {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  /** @param {URL} url */
  #remember({ origin, username, password }) {
    if (username === "" && password === "") return;
    const [name, secret] = [username, password].map(decoded);
    this.#credentials.set(origin, `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`);
  }

  /**
   * @param {string} hostname
   * @param {string} host
   */
  #isTrusted(hostname, host) {
    return this.settings.trustedHosts.some((trusted) => trusted === hostname || trusted === host);
  }

  /** @param {URL} url */
  #agent({ protocol, hostname, host }) {
    if (protocol !== "https:" && protocol !== "http:")
      throw new WheelFailure("settings", `${protocol}//${hostname}: only http and https can be read without pip`);
    const isTrusted = this.#isTrusted(hostname, host);
    const key = `${protocol} ${isTrusted}`;
    const agent = this.#agents.get(key) ?? this.#makeAgent(protocol, isTrusted);
    this.#agents.set(key, agent);
    return agent;
  }

  /**
   * @param {string} protocol
   * @param {boolean} isTrusted
   */
  #makeAgent(protocol, isTrusted) {
    const { cert, clientCert, proxy: given, timeoutMs } = this.settings;
    const pair = clientCert === undefined ? undefined : readPem(clientCert, "client-cert");
    const tls = {
      timeout: timeoutMs,
      ...(cert === undefined ? {} : { ca: readPem(cert, "cert") }),
      ...(pair === undefined ? {} : { cert: pair, key: pair }),
      ...(isTrusted ? { rejectUnauthorized: false } : {}),
    };
    const proxy = proxyAddress(given ?? environmentProxy(protocol));
    // pip does not look at NO_PROXY where the proxy comes from its own settings.
    const noProxy = given === undefined ? (process.env.no_proxy ?? process.env.NO_PROXY ?? "") : "";
    return new EnvHttpProxyAgent({
      httpProxy: proxy,
      httpsProxy: proxy,
      noProxy,
      connect: tls,
      requestTls: tls,
      proxyTunnel: false, // of plain requests; encrypted ones always have one
    });
  }
}

/** @param {URL} url */
function withoutCredentials(url) {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % stands for itself
  }
}

/** @param {string} protocol */
function environmentProxy(protocol) {
  const { env } = process;
  const own = protocol === "https:" ? (env.https_proxy ?? env.HTTPS_PROXY) : (env.http_proxy ?? env.HTTP_PROXY);
  return own ?? env.all_proxy ?? env.ALL_PROXY ?? "";
}

/** @param {string} text */
function proxyAddress(text) {
  if (text === "") return text;
  const address = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(address)) throw new WheelFailure("settings", "the proxy's address is no address");
  const { protocol } = new URL(address);
  if (protocol === "http:" || protocol === "https:") return address;
  throw new WheelFailure("settings", `the proxy ${shownUrl(address)} is not of http or https`);
}

/**
 * @param {string} file
 * @param {string} option
 */
function readPem(file, option) {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new WheelFailure("settings", `pip's setting ${option} cannot be followed (${describe(error)})`);
  }
}
