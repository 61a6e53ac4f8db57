/** The body of /v1/pulls. */
import { z } from "zod";

export const pullBody = z.strictObject({
  model: z.string().min(1).max(500).meta({ description: "a model of the hub, ORG/NAME; its branch main is taken" }),
});
