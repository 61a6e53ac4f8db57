/** A JSON Lines file of results that a run may be killed over: what is in it is not done again. */
import { z } from "zod";
import { UserError } from "../../errors.js";
import { LineLog } from "../../files/line-log.js";
import { difference, type ResultOrigin } from "../../pipeline/drafts/result-origin.js";
import { assertWritable } from "../options/writable.js";

const record = z.looseObject({
  image: z.string(),
  steps: z.number().exactOptional(),
  checkpoint: z.string().exactOptional(),
  prompt: z.string().exactOptional(),
  options: z.record(z.string(), z.unknown()).exactOptional(),
});

export class ResultsFile {
  private constructor(
    /** Pictures that have a record already, with the steps that they took. */
    readonly done: ReadonlyMap<string, number>,
    private readonly lines: LineLog,
  ) {}

  /** Reads what is there and mends its end; a file that is not there is made with the first record.
   *  @param origin of the records that are to come; without it, none is demanded
   *  @param onRecord hears of every record that is there, with the number of its line
   *  @throws UserError when it cannot be written, holds something else than such records, or those of another model,
   *  question or options */
  static async open(
    path: string,
    origin?: ResultOrigin,
    onRecord?: (image: string, line: number) => void,
  ): Promise<ResultsFile> {
    await assertWritable(path);
    const done = new Map<string, number>();
    const lines = await LineLog.open(path, {
      beginning: '{"image":',
      what: "not a result",
      onLine: (value, line) => {
        const { data } = record.safeParse(value);
        if (data === undefined) return false;
        const problem = origin && difference(data, origin);
        if (problem !== undefined)
          throw new UserError(
            `${path}:${line} ${problem}`,
            "Go on with the same model, prompt and options, or give another --output.",
          );
        done.set(data.image, data.steps ?? 0);
        onRecord?.(data.image, line);
        return true;
      },
    });
    return new ResultsFile(done, lines);
  }

  append(value: { image: string }): Promise<void> {
    return this.lines.append(value);
  }

  close(): Promise<void> {
    return this.lines.close();
  }
}
