// Fits the sum of named amounts that tells a shift of subject: logistic regression, Adam over all examples.

export interface Told {
  readonly amounts: ReadonlyMap<string, number>;
  readonly isRight: boolean;
  /** Examples of one group are left out together when the threshold is sought. */
  readonly group: number;
}

export interface SumFit {
  readonly offset: number;
  readonly weights: ReadonlyMap<string, number>;
}

const ROUNDS = 200;
const RATE = 0.05;
/** A name that fewer examples have says too little. */
const LEAST = 3;
/** Points of F1 that are no difference. */
const NEARLY = 0.7;

/** `pull` of a name towards nought: the more names there are of a kind, the stronger. */
export function fitSum(examples: readonly Told[], pull: (name: string) => number): SumFit {
  const counts = new Map<string, number>();
  for (const { amounts } of examples)
    for (const name of amounts.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names = [...counts].filter(([, count]) => count >= LEAST).map(([name]) => name);
  const places = new Map(names.map((name, at) => [name, at]));
  const pulls = names.map(pull);
  const rows = examples.map(({ amounts, isRight }) => {
    const known = [...amounts].filter(([name]) => places.has(name));
    return {
      at: known.map(([name]) => places.get(name) as number),
      amount: known.map(([, amount]) => amount),
      isRight,
    };
  });
  // The last place is the offset.
  const size = names.length + 1;
  const weights = new Float64Array(size);
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  for (let round = 1; round <= ROUNDS; round++) {
    const slope = new Float64Array(size);
    for (const { at, amount, isRight } of rows) {
      const score = at.reduce(
        (sum, place, k) => sum + (weights[place] as number) * (amount[k] as number),
        weights[size - 1] as number,
      );
      const wrong = 1 / (1 + Math.exp(-score)) - (isRight ? 1 : 0);
      for (const [k, place] of at.entries())
        slope[place] = (slope[place] as number) + wrong * (amount[k] as number);
      slope[size - 1] = (slope[size - 1] as number) + wrong;
    }
    for (let at = 0; at < size; at++) {
      const value = ((slope[at] as number) + (pulls[at] ?? 0) * (weights[at] as number)) / rows.length;
      mean[at] = 0.9 * (mean[at] as number) + 0.1 * value;
      square[at] = 0.999 * (square[at] as number) + 0.001 * value * value;
      const pace =
        (RATE * Math.sqrt(1 - 0.999 ** round)) / (1 - 0.9 ** round) / (round > ROUNDS * 0.7 ? 3 : 1);
      weights[at] =
        (weights[at] as number) - (pace * (mean[at] as number)) / (Math.sqrt(square[at] as number) + 1e-9);
    }
  }
  return {
    offset: weights[size - 1] as number,
    weights: new Map(names.map((name, at) => [name, weights[at] as number])),
  };
}

export function sumOf({ offset, weights }: SumFit, amounts: ReadonlyMap<string, number>): number {
  let sum = offset;
  for (const [name, amount] of amounts) sum += amount * (weights.get(name) ?? 0);
  return sum;
}

/** The threshold with the best F1 over examples that the fit has not seen: five parts, each left out once. */
export function thresholdOf(
  examples: readonly Told[],
  pull: (name: string) => number,
): { threshold: number; f1: number } {
  const parts = 5;
  const scored = Array.from({ length: parts }, (_, part) => {
    const fit = fitSum(
      examples.filter(({ group }) => group % parts !== part),
      pull,
    );
    return examples
      .filter(({ group }) => group % parts === part)
      .map(({ amounts, isRight }) => ({ score: sumOf(fit, amounts), isRight }));
  }).flat();
  scored.sort((left, right) => right.score - left.score);
  const all = scored.filter(({ isRight }) => isRight).length;
  let right = 0;
  const reached = scored.map(({ score, isRight }, at) => {
    if (isRight) right++;
    return { score, f1: (200 * right) / (at + 1 + all) };
  });
  const f1 = reached.reduce((best, one) => Math.max(best, one.f1), 0);
  // The very best place is chance: the middle of all that are nearly as good holds on other data.
  const good = reached.filter((one) => one.f1 >= f1 - NEARLY).map(({ score }) => score);
  return { threshold: (Math.max(...good) + Math.min(...good)) / 2, f1 };
}
