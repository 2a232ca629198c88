/** One measured number, as `npm run bench -- SUBJECT --json` prints it. */
export interface Figure {
  readonly subject: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** The bound as people write it, `<= 0.6` or `>= 3`; null for a figure that only informs. */
  readonly target: string | null;
  readonly holds: boolean | null;
}

export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** A figure, and whether it keeps to its target. A value that is no number is a fault of the benchmark. */
export function figure(
  subject: string,
  metric: string,
  value: number,
  unit: string,
  target?: Target,
): Figure {
  if (!Number.isFinite(value)) throw new Error(`${subject}: ${metric} is ${value}, which is no figure.`);
  const rounded = Number(value.toPrecision(6));
  if (target === undefined) return { subject, metric, value: rounded, unit, target: null, holds: null };
  return "atMost" in target
    ? { subject, metric, value: rounded, unit, target: `<= ${target.atMost}`, holds: value <= target.atMost }
    : {
        subject,
        metric,
        value: rounded,
        unit,
        target: `>= ${target.atLeast}`,
        holds: value >= target.atLeast,
      };
}
