// @ts-check
import assert from "node:assert/strict";
import { isIP } from "node:net";
import { isLoopback } from "../../../../packages/rediff/dist/serving/http/allowed-hosts.js";
import { isPublicAddress } from "../../../../packages/rediff/dist/serving/media/addresses.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** Names and addresses: none is both of this machine and of the public internet. */
export default defineTarget({
  covers: ["serving/http/allowed-hosts.js", "serving/media/addresses.js"],
  seeds: [
    "127.0.0.1",
    "[::1]",
    "localhost",
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:127.0.0.1",
    "a.localhost.",
    "169.254.169.254",
  ].map(utf8),
  dictionary: ["127.", "::1", "::ffff:", "localhost", ".", ":", "[", "]", "0x7f", "2001:", "%lo", "\0"],
  run(input) {
    const host = textOf(input);
    assert.ok(!(isLoopback(host) && isPublicAddress(host)));
    if (isPublicAddress(host)) assert.notEqual(isIP(host), 0);
    return isLoopback(host) || isPublicAddress(host);
  },
});
