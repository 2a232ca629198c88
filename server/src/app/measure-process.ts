import { performance } from "node:perf_hooks";
import type { Metrics } from "../kit/index.ts";

/** What every Prometheus client tells of its process, under the usual names. Source: prometheus.io/docs/instrumenting/writing_clientlibs. */
export function measureProcess(metrics: Metrics): Metrics {
  const seconds = (micros: number): number => micros / 1e6;
  metrics.probe(
    "process_cpu_seconds_total",
    "Processor time that the process used, in user and system mode.",
    () => {
      const { user, system } = process.cpuUsage();
      return seconds(user + system);
    },
    "counter",
  );
  metrics.probe("process_resident_memory_bytes", "Memory of the process that is in RAM.", () =>
    process.memoryUsage.rss(),
  );
  metrics.probe(
    "process_start_time_seconds",
    "When the process started, in seconds since 1970.",
    () => Math.round(performance.timeOrigin) / 1_000,
  );
  return metrics;
}
