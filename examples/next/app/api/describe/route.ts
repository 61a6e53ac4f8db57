/** POST /api/describe: the bytes of a picture in, its description out. */
import { UserError } from "rediff";
import { sharedModel } from "../../../lib/model";

/** Not at the edge: the model is a process of this machine. */
export const runtime = "nodejs";

const MOST_BYTES = 20 * 2 ** 20;

export async function POST(request: Request): Promise<Response> {
  if (Number(request.headers.get("content-length")) > MOST_BYTES)
    return Response.json({ code: "too_large", message: "a picture may have 20 MiB" }, { status: 413 });
  try {
    const picture = await request.arrayBuffer();
    const model = await sharedModel();
    // Who leaves ends the decoding.
    const { text, seconds } = await model.describe(picture, { tokensPerStep: 4, signal: request.signal });
    return Response.json({ text, seconds });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { code, message, hint } = error;
    const isBusy = ["queue_full", "model_crashed", "model_closed"].includes(code);
    return Response.json({ code, message, hint }, { status: isBusy ? 503 : 400 });
  }
}
