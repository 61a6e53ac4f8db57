/** What a pattern matches, whatever it is: a glob passes over pipes, devices and links to nothing without a word, and whoever
 *  counts on them would miss them. */
import { type Dirent, readdir, type Stats, stat } from "node:fs";
import { isAbsolute } from "node:path";
import { glob } from "tinyglobby";

type Entries = (error: NodeJS.ErrnoException | null, entries?: Dirent[]) => void;

/** Paths as the pattern has them: absolute or not. Folders are none of them. */
export async function globAll(pattern: string): Promise<string[]> {
  return glob(pattern, {
    onlyFiles: true,
    absolute: isAbsolute(pattern),
    expandDirectories: false,
    fs: { readdir: readAll as typeof readdir },
  });
}

/** As node:fs has it; all that is neither a folder nor leads to one is called a file. */
function readAll(path: string, options: { withFileTypes: true }, done: Entries): void {
  readdir(path, options, (error, entries = []) => {
    if (error !== null) return done(error);
    Promise.all(entries.map((entry) => asFile(`${path}/${entry.name}`, entry))).then((read) => done(null, read), done);
  });
}

async function asFile(path: string, entry: Dirent): Promise<Dirent> {
  if (entry.isFile() || entry.isDirectory()) return entry;
  const info = await new Promise<Stats | undefined>((resolve) => stat(path, (_, found) => resolve(found)));
  if (entry.isSymbolicLink() && (info?.isFile() || info?.isDirectory())) return entry;
  const file: Dirent = Object.create(entry);
  file.isFile = () => true;
  file.isSymbolicLink = () => false;
  return file;
}
