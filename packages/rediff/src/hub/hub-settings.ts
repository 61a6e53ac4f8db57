/** What the environment says about the hub: where it is, where its cache lies, who we are, whether we may ask.
 *  The variables and their order are huggingface_hub's, so both libraries share one cache and one login. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.js";

export interface HubSettings {
  /** Without a trailing slash; may have a path (a mirror below a prefix). */
  endpoint: string;
  /** The folder that holds `models--org--name` folders. */
  cacheDir: string;
  token: string | undefined;
  /** Never open a connection. */
  offline: boolean;
  /** Longest silence, before the headers and between two pieces of a body. */
  timeoutMs: number;
  /** False where HF_HUB_DISABLE_SYMLINKS asks for copies. */
  symlinks: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_TIMEOUT_SECONDS = 10;

/** All settings. Throws a UserError for a malformed variable or an unreadable token file. */
export function hubSettings(env: Environment = process.env): HubSettings {
  const offline = isOffline(env);
  return {
    endpoint: endpointFrom(env),
    cacheDir: cacheDirectory(env),
    token: offline || isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN) ? undefined : readToken(env),
    offline,
    timeoutMs: timeoutFrom(env) * 1000,
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
  };
}

/** HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE (older name), else `hub` in HF_HOME. */
export function cacheDirectory(env: Environment = process.env): string {
  const named = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  return named ? expand(named, env) : join(hubHome(env), "hub");
}

export function isOffline(env: Environment = process.env): boolean {
  return isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE);
}

function hubHome(env: Environment): string {
  if (env.HF_HOME) return expand(env.HF_HOME, env);
  return join(env.XDG_CACHE_HOME ? expand(env.XDG_CACHE_HOME, env) : join(homeFolder(env), ".cache"), "huggingface");
}

function endpointFrom(env: Environment): string {
  const text = (env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined;
  if (protocol !== "http:" && protocol !== "https:") {
    throw new UserError(
      `HF_ENDPOINT is "${text}", expected an http(s) address`,
      `Write it like ${DEFAULT_ENDPOINT}, or unset it.`,
    );
  }
  return text;
}

function timeoutFrom(env: Environment): number {
  const text = env.HF_HUB_DOWNLOAD_TIMEOUT;
  if (!text) return DEFAULT_TIMEOUT_SECONDS;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new UserError(
      `HF_HUB_DOWNLOAD_TIMEOUT is "${text}", expected seconds above 0`,
      `Unset it for ${DEFAULT_TIMEOUT_SECONDS} seconds.`,
    );
  }
  return seconds;
}

/** HF_TOKEN, else HUGGING_FACE_HUB_TOKEN (older name), else the file that `hf auth login` writes. */
function readToken(env: Environment): string | undefined {
  const named = env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN;
  if (named?.trim()) return checkedToken(named, "HF_TOKEN");
  const path = env.HF_TOKEN_PATH ? expand(env.HF_TOKEN_PATH, env) : join(hubHome(env), "token");
  try {
    return checkedToken(readFileSync(path, "utf8"), path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UserError(`cannot read the hub token in ${path} (${code})`, "Make it readable, or set HF_TOKEN.");
  }
}

function checkedToken(text: string, source: string): string | undefined {
  const token = text.trim();
  // A header takes printable ASCII only; the token itself must never appear in a message.
  if (!/^[\x21-\x7e]*$/.test(token)) {
    throw new UserError(`the hub token in ${source} has characters that no token has`, "Copy it again.");
  }
  return token === "" ? undefined : token;
}

function homeFolder(env: Environment): string {
  return env.HOME || homedir();
}

/** `~`, `$NAME` and `${NAME}`, as huggingface_hub expands them; an unknown name stays as it is. */
function expand(path: string, env: Environment): string {
  return path
    .replace(/^~(?=\/|$)/, () => homeFolder(env))
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => env[braced ?? bare ?? ""] ?? whole);
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["1", "ON", "YES", "TRUE"].includes(value.toUpperCase());
}
