// @ts-check
/** Our METEOR beside the original, which Java runs:
 *
 *      node scripts/meteor/beside-original.mjs FOLDER [COUNT] [SEED]    captions that are drawn, with its own tables
 *      node scripts/meteor/beside-original.mjs FOLDER own               our small tables: what the fixture has recorded
 *
 *  FOLDER is pycocoevalcap/meteor. All that is counted has to be equal; scores may differ by two units in the last place,
 *  since the two languages have each their own power function. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { ownCaptions, ownTables } from "../../packages/rediff/dist/evaluation/meteor/fixtures/own-tables.js";
import { meteor } from "../../packages/rediff/dist/evaluation/meteor/meteor.js";
import { openMeteorFiles } from "../../packages/rediff/dist/evaluation/meteor/meteor-files.js";
import { drawCaptions } from "./captions.mjs";

/** @typedef {import("../../packages/rediff/dist/evaluation/meteor/meteor-statistics.js").MeteorStatistics} Statistics */

/** As the original prints them: words, function words, by way what is matched, chunks. @param {Statistics} statistics */
export function statisticsLine({ caption, reference, chunks }) {
  const ways = [0, 1, 2, 3].flatMap((way) =>
    [caption.content, reference.content, caption.functional, reference.functional].map((counts) => counts[way] ?? 0),
  );
  const lengths = [caption.words, reference.words, caption.functionWords, reference.functionWords];
  return [...lengths, ...ways, chunks].map((number) => number.toFixed(1)).join(" ");
}

/** @param {string} folder @param {readonly import("./captions.mjs").Caption[]} captions @param {readonly string[]} options */
async function askOriginal(folder, captions, options) {
  const args = ["-Xmx2G", "-jar", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm", ...options];
  const java = spawn("java", args, { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: java.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the original said no more");
    return String(value).trim();
  };
  const counted = [];
  for (const { candidate, references } of captions) {
    java.stdin.write(`SCORE ||| ${[...references, candidate].join(" ||| ")}\n`);
    counted.push(await next());
  }
  java.stdin.write(`EVAL ||| ${counted.join(" ||| ")}\n`);
  const scores = [];
  for (const _ of captions) scores.push(Number(await next()));
  const corpus = Number(await next());
  java.stdin.end();
  // The last two repeat the sums of words matched.
  return { statistics: counted.map((line) => line.split(" ").slice(0, 21).join(" ")), scores, corpus };
}

/** @param {string} folder */
function writeOwnTables(folder) {
  writeFileSync(join(folder, "words"), ownTables.functionWords);
  writeFileSync(join(folder, "english.synsets"), ownTables.synsets);
  writeFileSync(join(folder, "english.exceptions"), ownTables.exceptions);
  writeFileSync(join(folder, "english.relations"), "");
  writeFileSync(join(folder, "paraphrases.gz"), gzipSync(ownTables.paraphrases));
  return ["-s", join(folder, "words"), "-d", folder, "-a", join(folder, "paraphrases.gz")];
}

const [given, what = "400", seed = "1"] = process.argv.slice(2);
if (given === undefined) throw new Error("name the folder pycocoevalcap/meteor");
const folder = resolve(given);
if (what === "own") {
  const tables = mkdtempSync(join(tmpdir(), "meteor-"));
  try {
    console.log(
      JSON.stringify(
        await askOriginal(
          folder,
          [...ownCaptions].map((one) => ({ ...one, references: [...one.references] })),
          writeOwnTables(tables),
        ),
        null,
        1,
      ),
    );
  } finally {
    rmSync(tables, { recursive: true });
  }
} else {
  const captions = drawCaptions(Number(what), Number(seed));
  const theirs = await askOriginal(folder, captions, []);
  const ours = await meteor(captions, await openMeteorFiles(folder));
  const different = captions.filter((_, i) => statisticsLine(ours.each[i].statistics) !== theirs.statistics[i]);
  const gaps = ours.each.map(({ score }, i) => Math.abs(score - (theirs.scores[i] ?? Number.NaN)));
  console.log(
    `${captions.length} captions, ${captions.reduce((sum, { references }) => sum + references.length, 0)} references`,
  );
  console.log(`counted otherwise: ${different.length}`);
  for (const caption of different.slice(0, 5)) console.log(JSON.stringify(caption));
  console.log(`scores that differ: ${gaps.filter((gap) => gap !== 0).length}, by ${Math.max(...gaps)} at most`);
  console.log(`together: ${ours.corpus} here, ${theirs.corpus} there`);
  if (different.length > 0 || !(Math.max(...gaps) < 1e-15) || ours.corpus !== theirs.corpus) process.exitCode = 1;
}
