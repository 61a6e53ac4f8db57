/** The pixels of all pictures and frames of one request. Each file is judged by itself, too; many small files that claim to
 *  be large are the work of many. */
import { option, UserError, wording } from "../../errors.js";

export class PixelBudget {
  #spent = 0;

  constructor(private readonly most: number) {}

  get left(): number {
    return Math.max(0, this.most - this.#spent);
  }

  /** @throws UserError when there are not as many left */
  spend(what: string, pixels: number): void {
    this.#spent += pixels;
    if (this.#spent <= this.most) return;
    throw new UserError(
      `${what}: with it the request has ${this.#spent} pixels; at most ${this.most} are decoded for one request`,
      wording`Send fewer or smaller pictures, or raise ${option("requestPixels")}`,
    );
  }
}
