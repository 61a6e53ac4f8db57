/** Which addresses a server may be sent to by a stranger: those of the public internet and no others. */
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** IPv4 that is not public (IANA's special-purpose registry, RFC 6890), multicast and reserved ranges included. */
const SPECIAL_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8",
  "169.254.0.0/16", // link-local; clouds answer about their machines there
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Of IPv6 only global unicast is public (2000::/3), without what carries or stands for something else. */
const PUBLIC_V6 = "2000::/3";
const SPECIAL_V6 = [
  "2001::/23", // Teredo, ORCHID and other protocols
  "2001:db8::/32",
  "2002::/16", // 6to4: an IPv4 address inside
  "3fff::/20",
];

function ranges(family: "ipv4" | "ipv6", list: readonly string[]): BlockList {
  const block = new BlockList();
  for (const range of list) {
    const [address = "", bits] = range.split("/");
    block.addSubnet(address, Number(bits), family);
  }
  return block;
}

const specialV4 = ranges("ipv4", SPECIAL_V4);
const specialV6 = ranges("ipv6", SPECIAL_V6);
const publicV6 = ranges("ipv6", [PUBLIC_V6]);

/** @param address in the form that a resolver or URL gives, without brackets */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !specialV4.check(address, "ipv4");
  // IPv4 in IPv6 (::ffff:10.0.0.1, 64:ff9b::a00:1) lies outside 2000::/3 and is refused with the rest.
  if (family === 6) return publicV6.check(address, "ipv6") && !specialV6.check(address, "ipv6");
  return false;
}

/** Public, and not this machine's own: what answers there may be meant for the machine alone, and a firewall outside does
 *  not see who asks. */
export function isForStrangers(address: string, interfaces = networkInterfaces()): boolean {
  if (!isPublicAddress(address)) return false;
  const own = new BlockList();
  for (const each of Object.values(interfaces).flatMap((list) => list ?? []))
    own.addAddress(each.address.replace(/%.*$/, ""), each.family === "IPv4" ? "ipv4" : "ipv6");
  return !own.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}
