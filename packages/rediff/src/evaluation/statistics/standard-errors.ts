/** How far a mean over documents may be from that over all such documents. */

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** s / sqrt(n), s with n - 1; NaN for a single value, which says nothing of it. */
export const sampleStandardError = (values: readonly number[]): number =>
  Math.sqrt(sampleVariance(values) / values.length);

export function sampleVariance(values: readonly number[]): number {
  if (values.length < 2) return Number.NaN;
  const center = sum(values) / values.length;
  return sum(values.map((value) => (value - center) ** 2)) / (values.length - 1);
}

/** Where documents hang together, as questions about one video do: to the squared error of the mean comes what the rests
 *  of two documents of one cluster have in common. */
export function clusteredStandardError(values: readonly number[], clusters: readonly (string | number)[]): number {
  const center = sum(values) / values.length;
  const rests = new Map<string | number, { sum: number; squares: number }>();
  for (const [i, value] of values.entries()) {
    const rest = value - center;
    const cluster = rests.get(clusters[i] ?? "") ?? { sum: 0, squares: 0 };
    rests.set(clusters[i] ?? "", { sum: cluster.sum + rest, squares: cluster.squares + rest ** 2 });
  }
  const common = sum([...rests.values()].map((cluster) => cluster.sum ** 2 - cluster.squares));
  return Math.sqrt(Math.max(0, sampleStandardError(values) ** 2 + common / values.length ** 2));
}

export interface GroupPart {
  score: number;
  stderr: number;
  size: number;
}

/** Of a group's mean in which every document counts alike. */
export function pooledStandardError(parts: readonly GroupPart[]): number {
  const size = sum(parts.map((part) => part.size));
  const squares = sum(parts.map((part) => (part.size - 1) * part.stderr ** 2 * part.size));
  return Math.sqrt(squares / (size - parts.length) / size);
}

/** @param by documents: large tasks count more; tasks: all count alike */
export function groupScore(parts: readonly Pick<GroupPart, "score" | "size">[], by: "documents" | "tasks"): number {
  if (by === "tasks") return sum(parts.map(({ score }) => score)) / parts.length;
  return sum(parts.map(({ score, size }) => score * size)) / sum(parts.map(({ size }) => size));
}
