/** What the store's benchmarks share. */
import type { CallOptions } from "@troupe/contracts";
import { createIdGenerator, createLogger, createMetrics, systemClock } from "../../server/src/kit/index.ts";
import { type OpenStores, openSqliteStores } from "../../server/src/store/index.ts";
import { type Figure, figure as makeFigure, type Target } from "../figure.ts";

export const options: CallOptions = { signal: new AbortController().signal };

export function figure(metric: string, value: number, unit: string, target?: Target): Figure {
  return makeFigure("store", metric, value, unit, target);
}

export async function openStore(
  path: string,
  mode: "threads" | "inline",
  metrics: ReturnType<typeof createMetrics> = createMetrics(),
): Promise<OpenStores> {
  const clock = systemClock();
  return openSqliteStores({
    mode,
    path,
    clock,
    ids: createIdGenerator(clock),
    logger: createLogger({ level: "warn" }),
    metrics,
  });
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** CPU of the whole process, threads included, microseconds. */
export function cpuOf(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

export async function cpuOfAsync(work: () => Promise<void>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}
