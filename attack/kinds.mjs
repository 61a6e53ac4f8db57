// All kinds of attack, in the order in which they are tried.

import { brokenHttp } from "./kinds/broken-http.mjs";
import { connections } from "./kinds/connections.mjs";
import { dataUrls } from "./kinds/data-urls.mjs";
import { foreignNames } from "./kinds/foreign-names.mjs";
import { largeJson } from "./kinds/large-json.mjs";
import { largePictures } from "./kinds/large-pictures.mjs";
import { leavingClients } from "./kinds/leaving-clients.mjs";
import { longTexts } from "./kinds/long-texts.mjs";
import { manyBodies } from "./kinds/many-bodies.mjs";
import { modelDies } from "./kinds/model-dies.mjs";
import { modelHangs } from "./kinds/model-hangs.mjs";
import { mutatedBodies } from "./kinds/mutated-bodies.mjs";
import { privateAddresses } from "./kinds/private-addresses.mjs";
import { slowClients } from "./kinds/slow-clients.mjs";
import { slowStreams } from "./kinds/slow-streams.mjs";
import { strangePaths } from "./kinds/strange-paths.mjs";

/**
 * What an attack is given.
 * @typedef {object} Attack
 * @property {import("./wire.mjs").Target} target
 * @property {import("./server.mjs").Server} server
 * @property {import("./random.mjs").Random} random
 * @property {import("./tally.mjs").Tally} tally
 */

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} title
 * @property {boolean} [mayCrash] the model's process dies of it, and with it what it had begun
 * @property {number} [leastAnswered] of what is tried, the share that has to be answered
 * @property {(attack: Attack) => Promise<void>} attack one round: some requests, judged
 */

/** @type {readonly Kind[]} */
export const KINDS = [
  // First, so that the process whose memory is looked at lives through all the others.
  modelDies,
  modelHangs,
  longTexts,
  largeJson,
  dataUrls,
  largePictures,
  manyBodies,
  mutatedBodies,
  slowStreams,
  leavingClients,
  slowClients,
  brokenHttp,
  strangePaths,
  foreignNames,
  privateAddresses,
  connections,
];
