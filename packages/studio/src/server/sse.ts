/** Server-sent events out of a stream of text, however it was cut into chunks. Only `data` matters to this API. */

export interface SseParser {
  /** The data of every event that this chunk completes. */
  push(chunk: string): string[];
}

export function createSseParser(): SseParser {
  let rest = "";
  let data: string[] = [];
  return {
    push(chunk) {
      rest += chunk;
      const events: string[] = [];
      // A carriage return at the very end may be half of a line's end: it waits for what follows.
      for (let match = LINE.exec(rest); match !== null; match = LINE.exec(rest)) {
        const line = match[1] ?? "";
        rest = rest.slice(match[0].length);
        if (line === "") {
          if (data.length > 0) events.push(data.join("\n"));
          data = [];
        } else if (line.startsWith("data:")) {
          data.push(line.slice(line[5] === " " ? 6 : 5));
        }
      }
      return events;
    },
  };
}

const LINE = /^([^\r\n]*)(?:\r\n|\n|\r(?!$))/;
