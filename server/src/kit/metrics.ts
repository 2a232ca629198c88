/**
 * Counters, gauges and histograms in the Prometheus text format, without a dependency: three kinds of number and one
 * page of text. Source: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
 */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(value?: number, labels?: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
}
export interface Histogram {
  /** `value` in the unit that the metric's name ends with. */
  observe(value: number, labels?: Labels): void;
}

export interface Metrics {
  /** Asking again for a name gives the same metric. */
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** A gauge, or a counter that somebody else keeps, read when somebody looks: one number, or one for each label set. */
  probe(name: string, help: string, read: () => Reading, type?: "gauge" | "counter"): Disposable;
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** The whole page. */
  render(): string;
}

export type Reading = number | readonly { readonly labels: Labels; readonly value: number }[];

interface Family {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly lines: (name: string) => string[];
  readonly metric: unknown;
}

/** Seconds, for turns and model calls. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** `prefix` stands before each name that does not begin with it, or with `process_`, which is the same for all programs. */
export function createMetrics({ prefix = "" }: { readonly prefix?: string } = {}): Metrics {
  const families = new Map<string, Family>();
  const family = <T>(name: string, make: () => Family): T => {
    const known = families.get(name) ?? make();
    families.set(name, known);
    return known.metric as T;
  };

  return {
    counter: (name, help) => family<Counter>(name, () => numberFamily("counter", help)),
    gauge: (name, help) => family<Gauge>(name, () => numberFamily("gauge", help)),
    probe(name, help, read, type = "gauge") {
      const lines = (id: string): string[] => {
        const reading = read();
        if (typeof reading === "number") return [`${id} ${reading}`];
        return reading.map(({ labels, value }) => `${id}${labelText(labels)} ${value}`);
      };
      families.set(name, { type, help, lines, metric: undefined });
      return { [Symbol.dispose]: () => void families.delete(name) };
    },
    histogram: (name, help, buckets) => family<Histogram>(name, () => histogramFamily(help, buckets)),
    render() {
      const out: string[] = [];
      for (const [known, { type, help, lines }] of families) {
        const name = known.startsWith(prefix) || known.startsWith("process_") ? known : prefix + known;
        out.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(name));
      }
      return `${out.join("\n")}\n`;
    },
  };
}

function numberFamily(type: "counter" | "gauge", help: string): Family {
  const values = new Map<string, number>();
  const metric = {
    add(value = 1, labels?: Labels) {
      const key = labelText(labels);
      values.set(key, (values.get(key) ?? 0) + value);
    },
    set(value: number, labels?: Labels) {
      values.set(labelText(labels), value);
    },
  };
  if (type === "counter") values.set("", 0);
  const lines = (name: string): string[] => {
    const labelled = values.size > 1;
    return [...values]
      .filter(([key]) => key !== "" || !labelled || values.get("") !== 0)
      .map(([key, value]) => `${name}${key} ${value}`);
  };
  return { type, help, lines, metric };
}

function histogramFamily(help: string, buckets: readonly number[]): Family {
  const series = new Map<string, { readonly counts: number[]; sum: number; count: number }>();
  const metric: Histogram = {
    observe(value, labels) {
      const key = labelText(labels);
      let one = series.get(key);
      if (one === undefined) {
        one = { counts: buckets.map(() => 0), sum: 0, count: 0 };
        series.set(key, one);
      }
      const at = buckets.findIndex((bound) => value <= bound);
      if (at >= 0) one.counts[at] = (one.counts[at] ?? 0) + 1;
      one.sum += value;
      one.count += 1;
    },
  };
  const lines = (name: string): string[] =>
    [...series].flatMap(([key, one]) => {
      const inner = key === "" ? "" : `${key.slice(1, -1)},`;
      let total = 0;
      const rows = buckets.map((bound, i) => {
        total += one.counts[i] ?? 0;
        return `${name}_bucket{${inner}le="${bound}"} ${total}`;
      });
      return [
        ...rows,
        `${name}_bucket{${inner}le="+Inf"} ${one.count}`,
        `${name}_sum${key} ${one.sum}`,
        `${name}_count${key} ${one.count}`,
      ];
    });
  return { type: "histogram", help, lines, metric };
}

function labelText(labels: Labels | undefined): string {
  let text = "";
  for (const name in labels) {
    const value = labels[name] ?? "";
    text += `${text === "" ? "{" : ","}${name}="${ESCAPED.test(value) ? escaped(value) : value}"`;
  }
  return text === "" ? "" : `${text}}`;
}

const ESCAPED = /["\\\n]/;

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
