// What became of the requests of one kind, and whether it is what ought to.

/** What the server may say to anybody at any time: come again. */
const BUSY = ["queue_full", "too_many_bodies", "too_many_connections"];
const TYPES = [
  "invalid_request_error",
  "authentication_error",
  "not_found_error",
  "rate_limit_error",
  "server_error",
  "service_unavailable_error",
];
/** Of what is wrong, so many are told in words. */
const TOLD = 8;

export class Tally {
  tried = 0;
  refused = 0;
  answered = 0;
  /** Clients that went, and such as the server sent away. */
  gone = 0;
  wrong = 0;
  /** @type {string[]} */
  told = [];

  /** Codes that are right whatever was asked. @type {Set<string>} */
  tolerated = new Set(BUSY);

  /** @param {string} what in words */
  fail(what) {
    this.wrong++;
    if (this.told.length < TOLD && !this.told.includes(what)) this.told.push(what.slice(0, 300));
  }

  /** A client that left by itself or was sent away, as it should be. */
  left() {
    this.tried++;
    this.gone++;
  }

  /**
   * One request and its answer. A refusal has the API's form, whatever it was that was refused.
   * @param {string} what was asked, in words
   * @param {import("./wire.mjs").Exchange} exchange
   * @param {readonly number[]} statuses that are right, 200 among them where it may be answered
   */
  judge(what, { answers, ended }, statuses) {
    this.tried++;
    const answer = answers.find(({ status }) => status >= 200);
    if (answer === undefined) return this.fail(`${what}: no answer (${ended})`);
    this.judgeAnswer(what, answer, statuses);
  }

  /** @param {string} what @param {import("./wire.mjs").Answer} answer @param {readonly number[]} statuses */
  judgeAnswer(what, { status, text }, statuses) {
    if (status < 400) {
      if (!statuses.includes(status)) this.fail(`${what}: answered with ${status}`);
      else this.answered++;
      return;
    }
    const code = codeOf(text);
    if (code === undefined)
      this.fail(`${what}: ${status}, not in the API's form: ${JSON.stringify(text.slice(0, 100))}`);
    else if (statuses.includes(status) || this.tolerated.has(String(code))) this.refused++;
    else this.fail(`${what}: ${status} ${code}, expected ${statuses.join(" or ")}`);
  }
}

/** The code of an error in the API's form; undefined for anything else. @param {string} text */
export function codeOf(text) {
  try {
    const body = JSON.parse(text);
    const { message, type, code } = body.error;
    const hasForm =
      Object.keys(body).join() === "error" &&
      Object.keys(body.error).join() === "message,type,param,code" &&
      typeof message === "string" &&
      message !== "" &&
      message.length < 2000 &&
      TYPES.includes(type);
    return hasForm ? code : undefined;
  } catch {
    return undefined;
  }
}
