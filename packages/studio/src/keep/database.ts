/** What the page keeps in this browser (IndexedDB): its sessions, and earlier runs. Knows nothing of what is in them: whoever
 *  reads parses. */
import { type IDBPDatabase, openDB } from "idb";
import { Problem } from "../server/problem.js";

/** `summaries` are what a list of `runs` shows, so that it need not read them whole. */
export type StoreName = "sessions" | "summaries" | "runs";

export type Change =
  | { store: StoreName; put: { readonly id: string } }
  /** @param drop id of what goes */
  | { store: StoreName; drop: string };

export interface Database {
  get(store: StoreName, id: string): Promise<unknown>;
  all(store: StoreName): Promise<unknown[]>;
  /** All of it or nothing; begun before this returns, so that it is done even where the page goes away. */
  write(changes: readonly Change[]): Promise<void>;
}

const NAME = "rediff-studio";
const STORES: readonly StoreName[] = ["sessions", "summaries", "runs"];

/** Opened at the first use. Whatever fails is a Problem of the kind "storage". */
export function createDatabase(): Database {
  let opened: IDBPDatabase | undefined;
  let opening: Promise<IDBPDatabase> | undefined;
  const forget = () => {
    [opened, opening] = [undefined, undefined];
  };
  const open = async () => {
    opening ??= openDB(NAME, 1, {
      upgrade(database) {
        for (const store of STORES) database.createObjectStore(store, { keyPath: "id" });
      },
      // A later version of the page in another tab wants another layout.
      blocking: (_old, _blocked, event) => {
        (event.target as IDBDatabase).close();
        forget();
      },
      terminated: forget,
    });
    try {
      opened = await opening;
      return opened;
    } catch (thrown) {
      forget();
      throw thrown;
    }
  };
  return {
    get: (store, id) => told(async () => await (opened ?? (await open())).get(store, id)),
    all: (store) => told(async () => await (opened ?? (await open())).getAll(store)),
    write: (changes) =>
      told(async () => {
        const database = opened ?? (await open());
        const transaction = database.transaction([...STORES], "readwrite");
        try {
          const requests = changes.map((change) => {
            const store = transaction.objectStore(change.store);
            return "put" in change ? store.put(change.put) : store.delete(change.drop);
          });
          transaction.commit();
          await Promise.all([...requests, transaction.done]);
        } catch (thrown) {
          transaction.done.catch(() => undefined); // it says the same
          try {
            transaction.abort();
          } catch {
            // it is over already
          }
          throw thrown;
        }
      }),
  };
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw storageProblem(thrown);
  }
}

export function storageProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof DOMException && thrown.name === "QuotaExceededError") {
    return new Problem("storage", "This browser's storage for the page is full.");
  }
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem("storage", `This browser does not let the page keep anything (${why}).`);
}
