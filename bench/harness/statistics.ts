/** The value below which the share `quantile` (0 to 1) of the samples lies. Throws when there are none. */
export function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new Error("No samples were taken, so nothing can be said about them.");
  const sorted = samples.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** One measured value over another. Throws where a ratio would mean nothing: zero, or less, of either. */
export function ratioOf(value: number, over: number): number {
  if (!(value > 0 && over > 0)) throw new Error(`${value} over ${over} is no ratio: nothing was measured.`);
  return value / over;
}

/** CLOCK_MONOTONIC in milliseconds: the one clock that all processes of a run read alike. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
