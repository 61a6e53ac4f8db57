/** npm run goldens -- FOLDER [--only PART_OF_AN_ID] [--device cuda] */
import { goldensCommand } from "./run-goldens.js";

process.exitCode = await goldensCommand(process.argv.slice(2), (line) => console.log(line));
