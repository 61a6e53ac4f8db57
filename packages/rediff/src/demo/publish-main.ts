/** The last step of `npm run demo:train`: publish-main FROM[,FROM...] TO ...; of several models the average. */
import { errorText } from "../cli/terminal/error-text.js";
import { publishModel } from "./publish-model.js";

async function main(folders: readonly string[]): Promise<void> {
  for (let i = 0; i + 1 < folders.length; i += 2) {
    const from = (folders[i] as string).split(",") as [string, ...string[]];
    await publishModel(from, folders[i + 1] as string);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`demo:train: ${errorText(error)}\n`);
  process.exitCode = 1;
});
