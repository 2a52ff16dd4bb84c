/**
 * The error function and the gamma function. Sources: NIST Digital Library of Mathematical Functions 7.6.1, 7.9.1, 5.10.1;
 * Abramowitz and Stegun 6.1.40 (Stirling's series), 6.1.17 (reflection).
 */
const SQRT_PI = 1.772453850905516;
const HALF_LOG_TWO_PI = 0.9189385332046728;
/** From here the continued fraction of erfc is used. */
const SERIES_LIMIT = 2;
const FRACTION_TERMS = 120;
/** B(2k) / (2k (2k - 1)): coefficients of Stirling's series. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400];
/** From here Stirling's series is exact enough. */
const STIRLING_FROM = 16;
const LARGEST_FACTORIAL = 170;

/** The series of erf: good for small x. */
function errorSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / SQRT_PI) * Math.exp(-x * x) * sum;
}

/** The continued fraction of erfc: good for large positive x. */
function complementFraction(x: number): number {
  let value = 0;
  for (let n = FRACTION_TERMS; n > 0; n--) value = n / 2 / (x + value);
  return Math.exp(-x * x) / (SQRT_PI * (x + value));
}

export function erf(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  const magnitude = Math.abs(x);
  const value = magnitude < SERIES_LIMIT ? errorSeries(magnitude) : 1 - complementFraction(magnitude);
  return x < 0 ? -value : value;
}

export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < -SERIES_LIMIT) return 2 - complementFraction(-x);
  if (x < 0.5) return 1 - erf(x);
  return x < SERIES_LIMIT ? 1 - errorSeries(x) : complementFraction(x);
}

/** Stirling's series for log gamma, with x raised until it is good; `shift` is the product that was taken in. */
function logGammaOfPositive(x: number): number {
  let shifted = x;
  let product = 1;
  for (; shifted < STIRLING_FROM; shifted++) product *= shifted;
  const inverse = 1 / shifted;
  let sum = 0;
  for (let k = STIRLING.length - 1; k >= 0; k--) sum = sum * inverse * inverse + STIRLING[k]!;
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TWO_PI + sum * inverse - Math.log(product);
}

/** sin(pi * x), reduced first. */
function sineOfPi(x: number): number {
  const rest = x - 2 * Math.floor(x / 2);
  return Math.sin(Math.PI * rest);
}

export function logGamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.POSITIVE_INFINITY;
  if (x <= 0 && Number.isInteger(x)) return Number.POSITIVE_INFINITY;
  if (x === 1 || x === 2) return 0;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(sineOfPi(x))) - logGammaOfPositive(1 - x);
  return logGammaOfPositive(x);
}

export function gamma(x: number): number {
  if (x === 0) return 1 / x;
  if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) return x;
  if (x === Number.NEGATIVE_INFINITY || (x < 0 && Number.isInteger(x))) return Number.NaN;
  if (Number.isInteger(x) && x <= LARGEST_FACTORIAL + 1) {
    let product = 1;
    for (let factor = 2; factor < x; factor++) product *= factor;
    return product;
  }
  if (x < 0.5) return Math.PI / (sineOfPi(x) * gamma(1 - x));
  return Math.exp(logGammaOfPositive(x));
}
