// Processes as the system sees them.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** @returns {{ pid: number, parent: number, command: string }[]} */
function processes() {
  if (process.platform === "linux")
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          // The name, in brackets, may have anything in it.
          const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
            .replace(/^.*\) /s, "")
            .split(" ");
          const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
          return [{ pid: Number(pid), parent: Number(parent), command }];
        } catch {
          return []; // it has ended
        }
      });
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [, pid, parent, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), command };
  });
}

/** The process that holds the model of a server; undefined while there is none.
 *  @param {number} server its process's id */
export function modelProcessOf(server) {
  return processes().find(({ parent, command }) => parent === server && command.includes("model-process"))?.pid;
}

/** Memory that a process has of the machine's, in bytes; 0 when it has ended. @param {number | undefined} pid */
export function residentBytes(pid) {
  if (pid === undefined) return 0;
  try {
    if (process.platform === "linux")
      return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    return 1024 * Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }));
  } catch {
    return 0;
  }
}
