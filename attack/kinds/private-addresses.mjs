// Pictures by URLs that lead into this machine and the network behind it, in all spellings. A server of ours listens: it
// must not be asked.

import { createServer } from "node:http";
import { askAbout, CHAT } from "../questions.mjs";
import { post } from "../wire.mjs";

const HOSTS = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0177.0.0.1",
  "017700000001",
  "127.0.0.1.",
  "127.255.255.254",
  "0",
  "0.0.0.0",
  "localhost",
  "LOCALHOST",
  "localhost.",
  "a.localhost",
  "[::1]",
  "[::]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "[fe80::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.0.1",
  "169.254.169.254",
  "100.64.0.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "①②⑦.0.0.1",
  "127。0。0。1",
  "%31%32%37.0.0.1",
  "user@127.0.0.1",
  "evil.example@127.0.0.1",
  "127.0.0.1#@evil.example",
  "127.0.0.1\\@evil.example",
  "\t127.0.0.1",
];

let asked = 0;
const canary = createServer((_, response) => {
  asked++;
  response.end();
});
canary.unref();
/** @type {Promise<number> | undefined} */
let listening;
const canaryPort = () => {
  listening ??= new Promise((resolve) =>
    canary.listen(0, "127.0.0.1", () => resolve(/** @type {import("node:net").AddressInfo} */ (canary.address()).port)),
  );
  return listening;
};

/** @type {import("../kinds.mjs").Kind} */
export const privateAddresses = {
  name: "private-addresses",
  title: "URLs of private addresses, with --allow-urls",
  async attack({ target, random, tally }) {
    const port = random.share() < 0.7 ? await canaryPort() : target.port;
    const before = asked;
    const one = async (/** @type {string | undefined} */ host) => {
      const url = `${random.pick(["http", "http", "HTTP", "https"])}://${host}:${port}/${random.pick(["", "a.png", "metrics"])}`;
      const { answers, ended } = await post(target, CHAT, askAbout(url));
      tally.judge(url, { answers, ended, raw: "" }, [400]);
      if (/ECONNREFUSED|private|loopback|refused/i.test(answers[0]?.text ?? ""))
        tally.fail(`${url}: the error tells what is there`);
    };
    await Promise.all(random.sample(HOSTS, 6).map(one));
    if (asked !== before) tally.fail("a server of this machine was asked for a picture");
  },
};
