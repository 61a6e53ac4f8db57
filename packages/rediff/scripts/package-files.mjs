// @ts-check
/** What the published package holds besides its own folder: the embedded model, what it is compared with, the
 *  studio's page, recipes, documents and the licence. `npm pack` and `npm publish` copy them in before (prepack) and take them out again after (postpack). */
import { cpSync, existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dirname(here));
const files = [
  // What the page compares the embedded model with: 3 MB.
  { from: join(root, "models", "demo-stages", "llada_v"), to: join(here, "models", "demo-stages", "llada_v") },
  { from: join(root, "models", "demo"), to: join(here, "models", "demo") },
  { from: join(root, "packages", "studio", "dist"), to: join(here, "studio") },
  { from: join(root, "recipes"), to: join(here, "recipes") },
  { from: join(root, "docs"), to: join(here, "docs") },
  { from: join(root, "LICENSE"), to: join(here, "LICENSE") },
];

for (const { to } of files) rmSync(to, { recursive: true, force: true });
if (process.argv[2] === "remove") rmSync(join(here, "models"), { recursive: true, force: true });
else
  for (const { from, to } of files) {
    if (!existsSync(from)) {
      console.error(`package-files: ${from} is missing. Run npm run setup first.`);
      process.exit(1);
    }
    cpSync(from, to, { recursive: true });
  }
