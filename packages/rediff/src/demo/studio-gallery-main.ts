/** The last step of packages/studio/e2e/measure-scenes.mjs: studio-gallery-main CAPTIONS TABLE OUTPUT. */
import { readFileSync, writeFileSync } from "node:fs";
import { captionsSchema, studioGallery, tableSchema } from "./studio-gallery.js";

const [captions = "", table = "", output = ""] = process.argv.slice(2);
const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
const gallery = studioGallery(captionsSchema.parse(read(captions)), tableSchema.parse(read(table)));
writeFileSync(output, `${JSON.stringify(gallery, null, 1)}\n`);
