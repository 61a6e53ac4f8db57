/** HEIC, the photos of iPhones, by libheif as WebAssembly (libheif-js): sharp's libvips comes without HEVC.
 *
 *  libheif turns and mirrors as the file's own boxes say (irot, imir), once; that is how the format defines the
 *  picture, so it is upright whatever is asked, and its EXIF orientation counts for nothing. The primary picture is
 *  taken, 10 bits become 8. Every picture gets an instance of its own (10-40 ms): its memory goes
 *  with it, and damage that upsets one cannot reach the next. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { UserError } from "../../errors.js";
import type { Size } from "../tiles/anyres.js";
import { damaged } from "./picture-errors.js";
import { CHANNELS, type RasterImage } from "./raster-image.js";

/** Handles of libheif's C++ objects. */
type Handle = object | number;

interface Failure {
  readonly code?: { readonly value: number };
  readonly message?: string;
}

interface Decoded extends Failure {
  readonly image: Handle;
  readonly channels: readonly {
    readonly width: number;
    readonly height: number;
    /** Bytes from row to row. */
    readonly stride: number;
    readonly data: Uint8Array;
  }[];
}

/** What is used of libheif-js 1.23. Its `HeifDecoder` is not: that one tells errors on stdout. */
interface LibHeif {
  heif_context_alloc(): Handle;
  heif_context_read_from_memory(context: Handle, bytes: Uint8Array): Failure;
  heif_js_context_get_primary_image_handle(context: Handle): Handle & Failure;
  heif_image_handle_get_width(image: Handle): number;
  heif_image_handle_get_height(image: Handle): number;
  heif_image_handle_has_alpha_channel(image: Handle): number;
  heif_js_decode_image2(image: Handle, colorspace: unknown, chroma: unknown): Decoded | Promise<Decoded> | undefined;
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
  readonly heif_chroma: {
    readonly heif_chroma_interleaved_RGB: unknown;
    readonly heif_chroma_interleaved_RGBA: unknown;
  };
}

/** Of Node, whose types lack it. */
declare const WebAssembly: {
  compile(binary: Uint8Array): Promise<Module>;
  Instance: new (module: Module, imports: object) => Instance;
};
type Module = object;
type Instance = { readonly exports: object };
type Instantiate = (imports: object, done: (instance: Instance) => void) => unknown;
type Factory = (settings: { instantiateWasm: Instantiate }) => LibHeif;

/** @param alpha whether to keep it, where there is any
 *  @param admit told the size before any pixel is decoded; it may throw
 *  @throws UserError for a damaged file, and where libheif-js is not installed */
export async function decodeHeic(
  name: string,
  bytes: Uint8Array,
  alpha: boolean,
  admit: (size: Size) => void,
): Promise<RasterImage> {
  const heif = await instance();
  const { image, ...size } = guarded(name, () => open(heif, bytes));
  admit(size);
  const { heif_colorspace_RGB: colorspace } = heif.heif_colorspace;
  const mode = alpha && heif.heif_image_handle_has_alpha_channel(image) !== 0 ? "RGBA" : "RGB";
  const { heif_chroma_interleaved_RGB: rgb, heif_chroma_interleaved_RGBA: rgba } = heif.heif_chroma;
  const chroma = mode === "RGBA" ? rgba : rgb;
  const decoded = await Promise.resolve()
    .then(() => heif.heif_js_decode_image2(image, colorspace, chroma))
    .catch((cause: unknown) => {
      throw damaged(name, "heic", cause);
    });
  const [pixels] = decoded?.channels ?? [];
  if (pixels === undefined) throw damaged(name, "heic", new Error(decoded?.message ?? "no pixels"));
  admit(pixels); // what the codec holds, should it not be what the container promised
  return { mode, width: pixels.width, height: pixels.height, data: withoutPadding(pixels, CHANNELS[mode]) };
}

function open(heif: LibHeif, bytes: Uint8Array): Size & { image: Handle } {
  const context = heif.heif_context_alloc();
  const { code, message } = heif.heif_context_read_from_memory(context, bytes);
  if (code?.value !== 0) throw new Error(message);
  const image = heif.heif_js_context_get_primary_image_handle(context);
  if (image.code !== undefined) throw new Error(image.message);
  return { image, width: heif.heif_image_handle_get_width(image), height: heif.heif_image_handle_get_height(image) };
}

function guarded<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw damaged(name, "heic", cause);
  }
}

function withoutPadding({ width, height, stride, data }: Decoded["channels"][number], channels: number): Uint8Array {
  const row = width * channels;
  const pixels = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) pixels.set(data.subarray(y * stride, y * stride + row), y * row);
  return pixels;
}

let compiled: Promise<{ factory: Factory; module: Module }> | undefined;

/** Compiled once in each thread, when the first HEIC comes. */
async function instance(): Promise<LibHeif> {
  compiled ??= compile();
  const { factory, module } = await compiled;
  return factory({
    instantiateWasm(imports, done) {
      const made = new WebAssembly.Instance(module, imports);
      done(made);
      return made.exports;
    },
  });
}

async function compile(): Promise<{ factory: Factory; module: Module }> {
  const require = createRequire(import.meta.url);
  try {
    // The variants that the package names load their own WebAssembly, from the current folder or from text.
    const factory = require("libheif-js/libheif-wasm/libheif.js") as Factory;
    const binary = await readFile(require.resolve("libheif-js/libheif-wasm/libheif.wasm"));
    return { factory, module: await WebAssembly.compile(binary) };
  } catch (cause) {
    compiled = undefined;
    throw new UserError("HEIC pictures need the package libheif-js, which cannot be loaded", "Run npm install", {
      cause,
    });
  }
}
