// @ts-check
/** Descriptions over HTTP, token by token, from one model for all who ask.
 *
 *      node examples/express/server.mjs
 *      curl -N --data-binary @examples/cat.jpg -H "content-type: image/jpeg" http://127.0.0.1:3000/describe
 *
 *  The answer is a stream of server-sent events: `step` with what a forward pass wrote, then `done`, or `error`. */
import express from "express";
import { startModel, UserError } from "rediff";

// The model that REDIFF_MODEL names, or the embedded one. More than 32 questions that wait are refused.
const model = await startModel(undefined, { queue: 32 });
const app = express();

app.post("/describe", express.raw({ type: () => true, limit: "20mb" }), async (request, response) => {
  // Bytes alone, whatever was sent: a text would be read as a path, or as an address to fetch.
  const picture = Buffer.isBuffer(request.body) ? request.body : new Uint8Array();
  // Who leaves ends the decoding.
  const leaving = new AbortController();
  response.on("close", () => leaving.abort());

  /** @param {string} event @param {object} data */
  const tell = (event, data) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  try {
    const { text, seconds } = await model.describe(picture, {
      tokensPerStep: 4,
      signal: leaving.signal,
      onTrace: ({ step, changes }) => tell("step", { step, changes }),
    });
    tell("done", { text, seconds });
    response.end();
  } catch (error) {
    if (leaving.signal.aborted) return;
    if (!(error instanceof UserError)) throw error; // Express answers 500
    const { code, message, hint } = error;
    if (response.headersSent) {
      tell("error", { code, message, hint });
      response.end();
      return;
    }
    const isBusy = ["queue_full", "model_crashed", "model_closed"].includes(code);
    response.status(isBusy ? 503 : 400).json({ code, message, hint });
  }
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", (error) => {
  const address = server.address();
  if (error === undefined && address !== null && typeof address === "object")
    return console.log(`http://127.0.0.1:${address.port}/describe`);
  console.error(error?.message ?? "the server does not listen");
  process.exitCode = 1;
  return model.close();
});

// A program with a started model does not end by itself.
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, async () => {
    server.close();
    await model.close(); // questions under way end with the code model_closed
  });
