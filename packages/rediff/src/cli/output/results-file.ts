/** A JSON Lines file of results that a run may be killed over: what is in it is not done again. */
import { z } from "zod";
import { LineLog } from "../../files/line-log.js";
import { assertWritable } from "../options/writable.js";

const record = z.looseObject({ image: z.string() });

export class ResultsFile {
  private constructor(
    /** Pictures that have a record already. */
    readonly done: ReadonlySet<string>,
    private readonly lines: LineLog,
  ) {}

  /** Reads what is there and mends its end; a file that is not there is made with the first record.
   *  @throws UserError when it cannot be written, or holds something else than such records */
  static async open(path: string): Promise<ResultsFile> {
    await assertWritable(path);
    const done = new Set<string>();
    const lines = await LineLog.open(path, {
      beginning: '{"image":',
      what: "not a result",
      onLine: (value) => {
        const { data } = record.safeParse(value);
        if (data !== undefined) done.add(data.image);
        return data !== undefined;
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
