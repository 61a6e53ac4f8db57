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
    return c.json({ url: `data:${type};base64,${Buffer.from(bytes).toString("base64")}`, width, height, original });
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
