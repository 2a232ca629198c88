// Fits the numbers of a net that chooses among candidates: softmax over them, Adam, deterministic by its seed.
import { createRandom } from "./random.ts";

/** Candidates of one choice, row after row, and which of them are right. */
export interface Choice {
  readonly rows: Float32Array;
  readonly right: readonly boolean[];
  readonly weight: number;
}

export interface NetFitSettings {
  readonly features: number;
  readonly hidden: number;
  readonly rounds: number;
  readonly rate: number;
  /** Pull of every weight towards nought. */
  readonly decay: number;
  readonly seed: number;
}

const BATCH = 64;

/** Weights in the order of `Net.weights` (server/src/memory/storylines/net.ts). */
export function fitNet(choices: readonly Choice[], settings: NetFitSettings): Float64Array {
  const { features, hidden, rounds, rate, decay, seed } = settings;
  const random = createRandom(seed);
  const size = features * hidden + 2 * hidden + features;
  const weights = new Float64Array(size);
  for (let at = 0; at < features * hidden; at++) weights[at] = (2 * (random() - 0.5)) / Math.sqrt(features);
  for (let h = 0; h < hidden; h++) weights[features * hidden + hidden + h] = random() - 0.5;
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  const slope = new Float64Array(size);
  const order = choices.map((_, at) => at);
  let step = 0;
  for (let round = 0; round < rounds; round++) {
    for (let at = order.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      [order[at], order[other]] = [order[other] as number, order[at] as number];
    }
    const pace = rate * (round < rounds * 0.6 ? 1 : round < rounds * 0.85 ? 0.3 : 0.1);
    for (let from = 0; from < order.length; from += BATCH) {
      const batch = order.slice(from, from + BATCH);
      slope.fill(0);
      for (const at of batch) addSlope(choices[at] as Choice, weights, slope, features, hidden);
      step++;
      for (let at = 0; at < size; at++) {
        const value = (slope[at] as number) / batch.length + decay * (weights[at] as number);
        const average = 0.9 * (mean[at] as number) + 0.1 * value;
        const squared = 0.999 * (square[at] as number) + 0.001 * value * value;
        mean[at] = average;
        square[at] = squared;
        const unbiased = average / (1 - 0.9 ** step) / (Math.sqrt(squared / (1 - 0.999 ** step)) + 1e-8);
        weights[at] = (weights[at] as number) - pace * unbiased;
      }
    }
  }
  return weights;
}

/** Adds how the loss of one choice changes with each weight. Several right candidates share what is right. */
function addSlope(
  choice: Choice,
  weights: Float64Array,
  slope: Float64Array,
  features: number,
  hidden: number,
): void {
  const count = choice.right.length;
  const offsets = features * hidden;
  const outputs = offsets + hidden;
  const straight = outputs + hidden;
  const sums = new Float64Array(count * hidden);
  const scores = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    const sum = sums.subarray(k * hidden, (k + 1) * hidden);
    for (let h = 0; h < hidden; h++) sum[h] = weights[offsets + h] as number;
    let score = 0;
    for (let f = 0; f < features; f++) {
      const value = choice.rows[k * features + f] as number;
      if (value === 0) continue;
      score += value * (weights[straight + f] as number);
      for (let h = 0; h < hidden; h++)
        sum[h] = (sum[h] as number) + value * (weights[f * hidden + h] as number);
    }
    for (let h = 0; h < hidden; h++) {
      if ((sum[h] as number) < 0) sum[h] = 0;
      score += (sum[h] as number) * (weights[outputs + h] as number);
    }
    scores[k] = score;
  }
  const wrong = wrongOf(scores, choice.right);
  const bent = new Float64Array(hidden);
  for (let k = 0; k < count; k++) {
    const by = choice.weight * (wrong[k] as number);
    if (Math.abs(by) < 1e-4) continue;
    for (let h = 0; h < hidden; h++) {
      const sum = sums[k * hidden + h] as number;
      bent[h] = sum > 0 ? by * (weights[outputs + h] as number) : 0;
      slope[outputs + h] = (slope[outputs + h] as number) + by * sum;
      slope[offsets + h] = (slope[offsets + h] as number) + (bent[h] as number);
    }
    for (let f = 0; f < features; f++) {
      const value = choice.rows[k * features + f] as number;
      if (value === 0) continue;
      slope[straight + f] = (slope[straight + f] as number) + by * value;
      for (let h = 0; h < hidden; h++)
        slope[f * hidden + h] = (slope[f * hidden + h] as number) + (bent[h] as number) * value;
    }
  }
}

/** What each candidate's share is too high by. */
function wrongOf(scores: Float64Array, right: readonly boolean[]): number[] {
  const best = Math.max(...scores);
  const bestRight = Math.max(...scores.filter((_, k) => right[k]));
  const all = scores.reduce((sum, score) => sum + Math.exp(score - best), 0);
  const allRight = scores.reduce((sum, score, k) => (right[k] ? sum + Math.exp(score - bestRight) : sum), 0);
  return [...scores].map((score, k) => {
    const share = Math.exp(score - best) / all;
    return right[k] ? share - Math.exp(score - bestRight) / allRight : share;
  });
}
