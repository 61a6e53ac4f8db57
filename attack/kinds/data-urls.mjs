// data: URLs that are much work to read.

import { askAbout, CHAT, PICTURE, PICTURE_URL } from "../questions.mjs";
import { post } from "../wire.mjs";

const MIB = 1 << 20;
const base64 = PICTURE.toString("base64");
const escaped = [...base64].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("");

/** @type {[string, readonly number[], () => string][]} */
const URLS = [
  ["a million parameters", [400], () => `data:image/png${";a=b".repeat(1_000_000)};base64,${base64}`],
  ["a type of a megabyte", [400], () => `data:image/${"x".repeat(MIB)};base64,${base64}`],
  ["no comma, 15 MiB", [400, 413], () => `data:image/png;base64${";".repeat(15 * MIB - 1000)}`],
  ["15 MiB of base64 that is no picture", [400], () => `data:image/png;base64,${"QUFB".repeat((15 * MIB) / 4 - 200)}`],
  ["11 MiB of escapes", [400], () => `data:image/png;base64,${"%41".repeat((11 * MIB) / 3)}`],
  ["a picture, all of it escaped", [200], () => `data:image/png;base64,${escaped}`],
  ["a line break behind each character", [200], () => `data:image/png;base64,${[...base64].join("\n")}`],
  ["a picture and a million line breaks", [200], () => `data:image/png;base64,${base64}${"\n".repeat(1_000_000)}`],
  ["blanks between", [400], () => `data:image/png;base64,${"QUFB ".repeat(MIB)}`],
  ["a million blanks before it", [200, 400], () => `${" ".repeat(1_000_000)}${PICTURE_URL}`],
  ["four million =", [400], () => `data:image/png;base64,${"=".repeat(4_000_000)}`],
  ["no base64, percent signs", [400], () => `data:image/png,${"%".repeat(4_000_000)}`],
  ["foreign letters", [400], () => `data:image/png;base64,${"é".repeat(1_000_000)}`],
  ["16 pictures of half a megabyte that are none", [400], () => `data:image/png;base64,${"QUFB".repeat(MIB / 8)}`],
];

/** @type {import("../kinds.mjs").Kind} */
export const dataUrls = {
  name: "data-urls",
  title: "data: URLs of a million parameters and megabytes",
  async attack({ target, random, tally }) {
    const [what, statuses, make] = random.pick(URLS);
    const url = make();
    const body = askAbout(url);
    const [part] = body.messages[0]?.content ?? [];
    if (what.startsWith("16 ")) body.messages[0]?.content.push(.../** @type {any[]} */ (Array(15).fill(part)));
    tally.judge(what, await post(target, CHAT, body), statuses);
  },
};
