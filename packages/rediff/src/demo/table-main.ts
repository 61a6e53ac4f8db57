/** Entry of `npm run demo:table`. */
import { errorText } from "../cli/terminal/error-text.js";
import { main } from "./demo-table.js";

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`demo:table: ${errorText(error)}\n`);
  process.exitCode = 1;
});
