import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { isForStrangers, isPublicAddress } from "./addresses.js";

test.each([
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.255",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "192.0.2.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::127.0.0.1",
  "64:ff9b::7f00:1",
  "fe80::1",
  "fc00::1",
  "fd12:3456::1",
  "fec0::1",
  "ff02::1",
  "2001:db8::1",
  "2001::1",
  "2002:7f00:1::",
  "fe80::1%eth0",
  "0.1.2.3",
  "100.127.255.255",
  "192.88.99.1",
  "239.255.255.250",
  "::ffff:0:10.0.0.1",
  "::ffff:a00:1",
  "64:ff9b:1::a00:1",
  "2001:0:7f00:1::",
  "2001:20::1",
  "2002:a00:1::1",
  "3fff::1",
  "5f00::1",
  "100::1",
  "0177.0.0.1",
  "0x7f000001",
  "2130706433",
  "127.1",
  "localhost",
  "",
])("%s is not public", (address) => expect(isPublicAddress(address)).toBe(false));

test.each([
  "8.8.8.8",
  "172.15.0.1",
  "172.32.0.1",
  "100.128.0.1",
  "1.1.1.1",
  "2606:4700::1111",
  "2a00:1450:4001:80b::200e",
])("%s is public", (address) => expect(isPublicAddress(address)).toBe(true));

test("an address of this machine is not for strangers, public or not", () => {
  const own = (address: string, family: "IPv4" | "IPv6") => ({ address, family }) as NetworkInterfaceInfo;
  const interfaces = { eth0: [own("8.8.8.8", "IPv4"), own("2606:4700:0::1111%eth0", "IPv6")], none: undefined };
  expect(isForStrangers("8.8.8.8", interfaces)).toBe(false);
  expect(isForStrangers("2606:4700::1111", interfaces)).toBe(false);
  expect(isForStrangers("8.8.4.4", interfaces)).toBe(true);
  expect(isForStrangers("2606:4700::1112", interfaces)).toBe(true);
  expect(isForStrangers("10.0.0.1", interfaces)).toBe(false);
  expect(isForStrangers("8.8.4.4")).toBe(true);
});
