/** `npm run demo:animation`: an animated SVG of a trace, for the README. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { errorText } from "../../cli/terminal/error-text.js";
import { UserError } from "../../errors.js";
import { animatedSvg } from "./animated-svg.js";
import { traceFrames } from "./trace-frames.js";

const usage = `npm run demo:animation -- --trace FILE [options]

  rediff caption PICTURE --tokens-per-step 8 --revise --trace FILE makes the trace.

  --trace FILE    as rediff caption writes it
  --image PATH    of the pictures in it (default the first one)
  --output FILE   default docs/demo/animation.svg
  --title TEXT    above the tokens
  --pace S        seconds a step (default 1.4)`;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      trace: { type: "string" },
      image: { type: "string" },
      output: { type: "string", default: "docs/demo/animation.svg" },
      title: { type: "string", default: "Please describe the image in detail.  8 tokens a step, revising" },
      pace: { type: "string", default: "1.4" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  if (values.trace === undefined || !existsSync(values.trace))
    throw new UserError(
      "no --trace",
      "Make one with rediff caption PICTURE --tokens-per-step 8 --revise --trace FILE.",
    );
  const pace = Number(values.pace);
  if (!(pace > 0)) throw new UserError(`--pace ${values.pace}`, "Give seconds above 0.");
  const animation = traceFrames(readFileSync(values.trace, "utf8"), values.image);
  const png = await sharp(animation.image).png({ palette: true, quality: 95, effort: 10 }).toBuffer();
  const picture = `data:image/png;base64,${png.toString("base64")}`;
  writeFileSync(values.output, animatedSvg(animation, { picture, title: values.title, pace }));
  console.log(`${values.output}: ${animation.frames.length - 1} steps`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`demo:animation: ${errorText(error)}\n`);
  process.exitCode = 1;
});
