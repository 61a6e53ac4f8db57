/** Server-sent events as OpenAI's API has them: unnamed events of JSON, then [DONE]. (A named event reaches loops over
 *  the official client as a chunk without choices.) */
const PING_SECONDS = 15;

export interface EventStream {
  readonly response: Response;
  send(value: unknown): void;
  /** Sends [DONE] unless the stream failed, and closes. */
  end(options?: { done: boolean }): void;
}

/** @param onLeave when the client goes before the end */
export function eventStream(onLeave: () => void): EventStream {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(streamController) {
      controller = streamController;
    },
    cancel() {
      close();
      onLeave();
    },
  });
  const write = (text: string) => controller?.enqueue(encoder.encode(text));
  // Comments keep proxies from taking a long step for a dead connection; clients skip them.
  const ping = setInterval(() => write(": still at it\n\n"), PING_SECONDS * 1000);
  ping.unref();
  const close = () => {
    clearInterval(ping);
    controller = undefined;
  };
  return {
    response: new Response(body, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      },
    }),
    send: (value) => write(`data: ${JSON.stringify(value)}\n\n`),
    end({ done } = { done: true }) {
      if (done) write("data: [DONE]\n\n");
      controller?.close();
      close();
    },
  };
}
