/** Binary PPM pictures, one after the other: "P6\n<width> <height>\n255\n" and the samples. */
import { printable } from "../../printable.js";
import type { OpaqueImage } from "../picture/raster-image.js";
import type { Size } from "../tiles/anyres.js";

/** @param admit told the size of each picture before there is memory for it; it may throw */
export async function* readPpm(
  stream: AsyncIterable<Uint8Array>,
  admit: (size: Size) => void = () => undefined,
): AsyncGenerator<OpaqueImage> {
  let header = "";
  let image: OpaqueImage | undefined;
  let filled = 0;
  for await (const chunk of stream) {
    let position = 0;
    while (position < chunk.length) {
      if (image === undefined) {
        header += String.fromCharCode(chunk[position++] ?? 0);
        const size = parseHeader(header);
        if (size === undefined) continue;
        admit(size);
        image = { mode: "RGB", ...size, data: new Uint8Array(size.width * size.height * 3) };
        continue;
      }
      const part = chunk.subarray(position, position + image.data.length - filled);
      image.data.set(part, filled);
      filled += part.length;
      position += part.length;
      if (filled < image.data.length) continue;
      yield image;
      [header, image, filled] = ["", undefined, 0];
    }
  }
}

/** Undefined until the header is complete. */
function parseHeader(header: string): Size | undefined {
  const match = /^P6\s(\d+)\s(\d+)\s255\s$/.exec(header);
  if (match !== null) return { width: Number(match[1]), height: Number(match[2]) };
  if (header.length > 40) throw new Error(`ffmpeg wrote no PPM picture but ${printable(header, "line")}`);
  return undefined;
}
