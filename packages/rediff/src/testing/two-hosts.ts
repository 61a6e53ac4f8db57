/** Two hosts for tests: network namespaces of this machine, joined by a cable that can be pulled. */
import { execFileSync, spawnSync } from "node:child_process";
import { startProgram } from "./command-line.js";

const ip = (...args: string[]): string => execFileSync("ip", args, { encoding: "utf8", stdio: "pipe" });

export class TwoHosts implements Disposable {
  readonly addresses = ["10.203.77.1", "10.203.77.2"] as const;

  private constructor(readonly names: readonly [string, string]) {}

  /** @returns why this machine has none, where it does not permit them */
  static make(): TwoHosts | string {
    if (process.platform !== "linux") return "network namespaces are Linux's";
    const { status, error } = spawnSync("ip", ["-V"]);
    if (status !== 0) return `the program ip cannot be run (${error?.message ?? `status ${status}`})`;
    const hosts = new TwoHosts([`rediff-${process.pid}-0`, `rediff-${process.pid}-1`]);
    try {
      for (const name of hosts.names) ip("netns", "add", name);
      const [first, second] = hosts.names;
      ip("link", "add", "cable0", "netns", first, "type", "veth", "peer", "name", "cable1", "netns", second);
      for (const [i, name] of hosts.names.entries()) {
        ip("-n", name, "address", "add", `${hosts.addresses[i]}/24`, "dev", `cable${i}`);
        ip("-n", name, "link", "set", "lo", "up");
        ip("-n", name, "link", "set", `cable${i}`, "up");
      }
      return hosts;
    } catch (cause) {
      hosts[Symbol.dispose]();
      const [, why] = String(cause).split("\n");
      return `this machine permits no network namespaces with a cable between them (${why ?? cause})`;
    }
  }

  /** Runs a program on one of them. */
  start(host: 0 | 1, command: readonly string[], env: Record<string, string> = {}) {
    const names = { GLOO_SOCKET_IFNAME: `cable${host}`, ...env };
    return startProgram("ip", ["netns", "exec", this.names[host], ...command], { env: names });
  }

  /** Pulls the cable and ends all that runs there: nobody else hears of it. */
  vanish(host: 0 | 1): void {
    ip("-n", this.names[host], "link", "set", `cable${host}`, "down");
    for (const pid of ip("netns", "pids", this.names[host]).split("\n").filter(Boolean))
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // it ended by itself
      }
  }

  comeBack(host: 0 | 1): void {
    ip("-n", this.names[host], "link", "set", `cable${host}`, "up");
  }

  [Symbol.dispose](): void {
    for (const name of this.names) spawnSync("ip", ["netns", "delete", name]);
  }
}
