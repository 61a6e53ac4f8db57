/** Waiting requests, one line per client, served in turns: a client with fifty requests does not hold up one with a
 *  single one. When all places are taken, a client that has fewer waiting than another gets the other's last place. */
export class FairQueue<T> {
  readonly limit: number;
  /** Lines in the order in which they are served next. */
  readonly #lines = new Map<string, T[]>();
  #length = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** @returns whether there was a place, and the request that had to give up its place, if one had to */
  push(client: string, item: T): { accepted: boolean; displaced?: T } {
    let displaced: T | undefined;
    if (this.#length >= this.limit) {
      const [longest, line] = this.#longest();
      if (longest === undefined || line.length <= (this.#lines.get(client)?.length ?? 0) + 1)
        return { accepted: false };
      displaced = line.pop();
      this.#length--;
    }
    const line = this.#lines.get(client);
    if (line === undefined) this.#lines.set(client, [item]);
    else line.push(item);
    this.#length++;
    return displaced === undefined ? { accepted: true } : { accepted: true, displaced };
  }

  /** Puts back what was taken out and could not be begun, before all others; the limit does not apply. */
  unshift(client: string, item: T): void {
    const line = this.#lines.get(client) ?? [];
    const others = [...this.#lines].filter(([key]) => key !== client);
    this.#lines.clear();
    this.#lines.set(client, [item, ...line]);
    for (const [key, value] of others) this.#lines.set(key, value);
    this.#length++;
  }

  /** The next in turn. */
  shift(): T | undefined {
    const first = this.#lines.entries().next();
    if (first.done) return undefined;
    const [client, line] = first.value;
    const item = line.shift();
    this.#length--;
    this.#lines.delete(client);
    if (line.length > 0) this.#lines.set(client, line); // to the end
    return item;
  }

  /** @returns whether it was there */
  remove(client: string, item: T): boolean {
    const line = this.#lines.get(client);
    const index = line?.indexOf(item) ?? -1;
    if (line === undefined || index < 0) return false;
    line.splice(index, 1);
    if (line.length === 0) this.#lines.delete(client);
    this.#length--;
    return true;
  }

  /** Empties it. */
  drain(): T[] {
    const all = [...this.#lines.values()].flat();
    this.#lines.clear();
    this.#length = 0;
    return all;
  }

  #longest(): [string | undefined, T[]] {
    let best: [string | undefined, T[]] = [undefined, []];
    for (const [client, line] of this.#lines) if (line.length > best[1].length) best = [client, line];
    return best;
  }
}
