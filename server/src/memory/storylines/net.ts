/** A scorer of candidates: a straight sum of features, and a few bent ones beside it. Made by `scripts/fit-storylines.mjs`. */
export interface Net {
  /** How many features a row has. */
  readonly features: number;
  /** How many bent sums there are; 0 is plain logistic regression. */
  readonly hidden: number;
  /** Feature by feature what it gives each bent sum; the sums' offsets; what each sum gives; what each feature gives by itself. */
  readonly weights: Float64Array;
}

export function weightsOf(features: number, hidden: number): number {
  return features * hidden + 2 * hidden + features;
}

/** Reads a net from thousandths. Throws where their number does not fit, for then features and numbers were not made together. */
export function netOf(features: number, hidden: number, thousandths: readonly number[]): Net {
  if (thousandths.length !== weightsOf(features, hidden))
    throw new Error(`A net of ${features} features has ${thousandths.length} weights; make it anew.`);
  return { features, hidden, weights: Float64Array.from(thousandths, (value) => value / 1000) };
}

/** The score of one row. `sums` holds the bent sums afterwards and is the caller's to reuse; its length is `hidden`. */
export function scoreRow({ features, hidden, weights }: Net, row: Float64Array, sums: Float64Array): number {
  const offsets = features * hidden;
  const straight = offsets + 2 * hidden;
  for (let h = 0; h < hidden; h++) sums[h] = weights[offsets + h] as number;
  let score = 0;
  for (let f = 0; f < features; f++) {
    const value = row[f] as number;
    if (value === 0) continue;
    score += value * (weights[straight + f] as number);
    const from = f * hidden;
    for (let h = 0; h < hidden; h++) sums[h] = (sums[h] as number) + value * (weights[from + h] as number);
  }
  for (let h = 0; h < hidden; h++) {
    if ((sums[h] as number) < 0) sums[h] = 0;
    score += (sums[h] as number) * (weights[offsets + hidden + h] as number);
  }
  return score;
}

/** Scores as shares that sum to 1. */
export function sharesOf(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Names of features to their place in a row. */
export function placesOf<Name extends string>(
  names: readonly Name[],
  from = 0,
): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, at) => [name, from + at])) as Record<Name, number>;
}
