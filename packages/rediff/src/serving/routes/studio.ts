/** The studio's files at /. They are read into memory and looked up by their exact path, so no request names a file. Texts are
 *  compressed once. */
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import type { AppEnv } from "../http/api-keys.js";

/** In a published package, and in the repository. */
const PLACES = ["../../../studio", "../../../../studio/dist"];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/plain; charset=utf-8",
};

/** Nothing from elsewhere, no inline scripts; pictures from memory are the user's own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

const MISSING = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>rediff</title>
<h1>rediff is running, its page is not built</h1>
<p>Build it with <code>npm run build -w packages/studio</code> and load this page again.</p>
<p>The API is there without it: <a href="/openapi.json">/openapi.json</a>.</p>
</html>
`;

/** By how a body may be encoded, as HTTP names it. */
type Encoded = { identity: Uint8Array<ArrayBuffer>; br?: Uint8Array<ArrayBuffer>; gzip?: Uint8Array<ArrayBuffer> };

interface Bundle {
  /** Changes with each build. */
  version: number;
  files: Map<string, { body: Encoded; type: string }>;
}

/** Smaller ones gain nothing. */
const COMPRESSED_FROM = 1024;

export function studioRoutes(app: Hono<AppEnv>, folder?: string): void {
  const folders =
    folder === undefined ? PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))) : [folder];
  let bundle: Bundle | undefined;

  app.get("*", async (c, next) => {
    bundle = await current(folders, bundle);
    const path = c.req.path === "/" ? "/index.html" : c.req.path;
    const file = bundle?.files.get(path);
    if (file !== undefined) {
      // Vite names what lies in assets/ by its content.
      const cache = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
      const [body, encoding] = encodedFor(c, file.body);
      return c.body(body, 200, { ...HEADERS, ...encoding, "content-type": file.type, "cache-control": cache });
    }
    if (path !== "/index.html") return next();
    return c.body(MISSING, 503, { ...HEADERS, "content-type": TYPES[".html"] ?? "", "cache-control": "no-store" });
  });
}

function encodedFor(c: Context, body: Encoded): [Uint8Array<ArrayBuffer>, Record<string, string>] {
  const supports = Object.keys(body);
  if (supports.length === 1) return [body.identity, {}];
  const header = "Accept-Encoding";
  // The smallest that the browser takes, whatever it likes best.
  const match = (given: readonly { type: string; q: number }[]) =>
    supports.find((name) => given.some(({ type, q }) => type === name && q > 0)) ?? "identity";
  const accepted = accepts(c, { header, supports, default: "identity", match }) as keyof Encoded;
  const vary = { vary: header };
  return [body[accepted] ?? body.identity, accepted === "identity" ? vary : { ...vary, "content-encoding": accepted }];
}

/** The bundle as it is on disk: read again when it was built anew. */
async function current(folders: readonly string[], known: Bundle | undefined): Promise<Bundle | undefined> {
  for (const folder of folders) {
    const index = await stat(join(folder, "index.html")).catch(() => undefined);
    if (index === undefined) continue;
    if (known?.version === index.mtimeMs) return known;
    return { version: index.mtimeMs, files: await readAll(folder) };
  }
  return undefined;
}

async function readAll(folder: string): Promise<Bundle["files"]> {
  const files: Bundle["files"] = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue; // no links, no files that a page has no use for
    const path = join(entry.parentPath, entry.name);
    const body = await encoded(new Uint8Array(await readFile(path)), type);
    files.set(`/${relative(folder, path).split(sep).join("/")}`, { body, type });
  }
  return files;
}

const [brotli, gzipped] = [promisify(brotliCompress), promisify(gzip)];

async function encoded(identity: Uint8Array<ArrayBuffer>, type: string): Promise<Encoded> {
  if (identity.length < COMPRESSED_FROM || !/^text\/|json|svg/.test(type)) return { identity };
  // Its highest quality, the default, would keep the first visitor waiting for seconds, to save a twentieth.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 6 };
  const [br, gz] = await Promise.all([brotli(identity, { params }), gzipped(identity)]);
  return { br: new Uint8Array(br), gzip: new Uint8Array(gz), identity };
}
