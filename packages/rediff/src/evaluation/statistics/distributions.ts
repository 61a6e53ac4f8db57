/** The normal distribution and Student's, to the last digits that tests need. */

/** P(X <= x) of the standard normal. */
export function normalBelow(x: number): number {
  if (Math.abs(x) > 38) return x > 0 ? 1 : 0;
  const tail = 0.5 * upperGamma(0.5, (x * x) / 2);
  return x > 0 ? 1 - tail : tail;
}

/** The x below which a share of the standard normal lies. */
export const normalQuantile = (share: number): number => inverse(normalBelow, share, 40);

/** P(|T| >= t) of Student's distribution. */
export function studentBeyond(t: number, freedom: number): number {
  if (!Number.isFinite(t)) return 0;
  return betaShare(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/** The t below which a share lies. */
export function studentQuantile(share: number, freedom: number): number {
  const below = (t: number) => (t > 0 ? 1 - studentBeyond(t, freedom) / 2 : studentBeyond(t, freedom) / 2);
  let bound = 10;
  while (below(bound) < share || below(-bound) > share) bound *= 10;
  return inverse(below, share, bound);
}

/** Of a growing function, by halves. */
function inverse(below: (x: number) => number, share: number, bound: number): number {
  let [low, high] = [-bound, bound];
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (below(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Q(a, x), the regularized upper incomplete gamma function: a series for small x, a continued fraction for others. */
function upperGamma(a: number, x: number): number {
  if (x === 0) return 1;
  const scale = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let [term, total] = [1 / a, 1 / a];
    for (let n = 1; n < 500 && Math.abs(term) > Math.abs(total) * 1e-17; n++) {
      term *= x / (a + n);
      total += term;
    }
    return 1 - total * scale;
  }
  return (
    scale *
    fraction(
      (n) => (n === 0 ? 1 : -n * (n - a)),
      (n) => x + 1 - a + 2 * n,
    )
  );
}

/** I_x(a, b), the regularized incomplete beta function. */
function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const numerator = (n: number): number => {
    if (n === 0) return 1;
    const m = Math.floor(n / 2);
    if (n % 2 === 0) return (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    return (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
  };
  return (front / a) * fraction(numerator, () => 1);
}

/** n0 / (d0 + n1 / (d1 + n2 / ...)), by Lentz. */
function fraction(numerator: (n: number) => number, denominator: (n: number) => number): number {
  const tiny = 1e-300;
  let [value, c, d] = [tiny, tiny, 0];
  for (let n = 0; n < 10_000; n++) {
    d = denominator(n) + numerator(n) * d || tiny;
    c = denominator(n) + numerator(n) / c || tiny;
    d = 1 / d;
    const step = c * d;
    value *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return value;
}

/** log of the gamma function: Stirling's series from 15 on, and steps down to it. */
function logGamma(x: number): number {
  let [shifted, product] = [x, 1];
  while (shifted < 15) product *= shifted++;
  const inverted = 1 / (shifted * shifted);
  const series =
    (1 / 12 - inverted * (1 / 360 - inverted * (1 / 1260 - inverted * (1 / 1680 - inverted / 1188)))) / shifted;
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}
