/** What ffprobe says of a file's video streams, as JSON. */
import { z } from "zod";

export interface VideoFacts {
  /** Packets of the first real video stream: as a rule, frames. */
  readonly packets: number;
  /** Average frames per second; NaN when the file does not tell. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
}

const rational = z
  .string()
  .regex(/^\d+\/\d+$/)
  .transform((text) => {
    const [numerator, denominator] = text.split("/");
    return Number(numerator) / Number(denominator);
  })
  .catch(Number.NaN);

const probeOutput = z.object({
  streams: z.array(
    z.object({
      avg_frame_rate: rational,
      nb_read_packets: z.coerce.number().int().nonnegative().catch(0),
      width: z.number().catch(0),
      height: z.number().catch(0),
    }),
  ),
});

/** @returns undefined for what ffprobe did not write to its end */
export function readProbe(json: string): VideoFacts[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined; // killed while it wrote, or more than anybody would read
  }
  return probeOutput
    .safeParse(value)
    .data?.streams.map(({ nb_read_packets: packets, avg_frame_rate: fps, width, height }) => ({
      packets,
      fps,
      width,
      height,
    }));
}
