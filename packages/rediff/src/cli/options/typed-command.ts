/** The command line as it was typed, for messages that ask to type it again. */

/** Values that nobody but the user may read. */
const SECRET = /^--api-key(=|$)/;

/** @param start what stands for the program: `npx rediff`, or `npm start --` where npm's script ran it
 *  @param args from the command's name on
 *  @returns one line for a POSIX shell; secrets are left out, to be filled in */
export function typedCommand(start: string, args: readonly string[]): string {
  const shown = args.map((arg, i) => {
    if (SECRET.test(arg)) return arg.includes("=") ? "--api-key=..." : arg;
    return SECRET.test(args[i - 1] ?? "") && !args[i - 1]?.includes("=") ? "..." : quoted(arg);
  });
  return [start, ...shown].join(" ");
}

/** Of `rediff serve`: scripts/start.mjs, which is `npm start`, says so in the environment. */
export function serveCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): string {
  if (env.REDIFF_STARTED_BY !== "npm start") return typedCommand("npx rediff", args);
  const own = args.slice(1);
  return own.length === 0 ? "npm start" : typedCommand("npm start --", own);
}

const quoted = (arg: string): string => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`);
