/** POST /v1/pictures: a picture file in, the same upright and small enough out, as a data: URL that browsers show and requests
 *  carry. The page asks where its browser cannot read a file. */
import type { Hono } from "hono";
import { UserError } from "../../errors.js";
import type { Redrawn } from "../../vision/picture/redraw-picture.js";
import type { AppEnv } from "../http/api-keys.js";
import { ApiError, clip } from "../http/error-object.js";
import { readFileBody } from "../http/request-body.js";
import type { Serving } from "../route-context.js";
import { clientSignal } from "./client.js";

export const LARGEST_SIDE = 16_384;

export function pictureRoute(app: Hono<AppEnv>, serving: Serving): void {
  const { media, metrics, redraws } = serving;
  app.post("/v1/pictures", async (c) => {
    const maxSide = sideOf(c.req.query());
    const file = await readFileBody(c, serving);
    const options = { maxPixels: media.maxPixels, name: "the picture", ...(maxSide !== undefined && { maxSide }) };
    const { signal } = clientSignal(c);
    const { bytes, type, width, height, original } = await metrics.timed("picture", () =>
      judged(redraws.redraw(file, options, signal)),
    );
    const [before = "", behind = ""] = JSON.stringify({ url: `data:${type};base64,`, width, height, original }).split(
      /(?<=base64,)/,
    );
    return new Response(inBase64(before, bytes, behind), { headers: { "content-type": "application/json" } });
  });
}

/** Bytes that become a piece of base64 at once; a multiple of three. A drawing may have a hundred megabytes. */
const PIECE_BYTES = 96 << 10;

/** A file between two texts, piece by piece as it is taken. */
function inBase64(before: string, bytes: Uint8Array, behind: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(before)),
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      controller.enqueue(encoder.encode(file.toString("base64", at, at + PIECE_BYTES)));
      at += PIECE_BYTES;
      if (at < file.length) return;
      controller.enqueue(encoder.encode(behind));
      controller.close();
    },
  });
}

function sideOf({ max_side: side, ...others }: Record<string, string>): number | undefined {
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new ApiError(400, `unknown field ${clip(other)}; the query may have max_side`, {
      param: clip(other),
      code: "unknown_parameter",
    });
  if (side === undefined) return undefined;
  const pixels = /^\d{1,5}$/.test(side) ? Number(side) : 0;
  if (pixels >= 1 && pixels <= LARGEST_SIDE) return pixels;
  throw new ApiError(400, `max_side: expected a whole number from 1 to ${LARGEST_SIDE}, got "${clip(side, 40)}"`, {
    param: "max_side",
    code: "invalid_value",
  });
}

async function judged(work: Promise<Redrawn>): Promise<Redrawn> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    // What may be raised is the server's, and not the request's.
    throw new ApiError(
      400,
      cause.spelled(() => "the server's limit"),
      { code: "invalid_image", cause },
    );
  }
}
