import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MADE_BY, markdownTable, page } from "./table.ts";

const SOURCES = fileURLToPath(new URL("../../", import.meta.url));
const DECLARED = /\.?\b(counter|gauge|histogram|probe)\(\s*"([a-z_]+)",\s*("(?:[^"\\]|\\.)*"|[a-zA-Z]+)/g;

/** Reads the metrics from where they are declared: each exists from its first use on, so no process has all of them. */
export function metricsPage(): string {
  const found = new Map<string, string[]>();
  for (const file of readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).toSorted()) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts") || file.includes("fixture")) continue;
    const text = readFileSync(join(SOURCES, file), "utf8");
    for (const [, kind = "", name = "", help = ""] of text.matchAll(DECLARED)) {
      if (!found.has(name)) found.set(name, [`\`${name}\``, kindOf(kind, name), helpOf(help, text)]);
    }
  }
  const rows = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return page(
    "Metrics",
    `What \`/metrics\` on the port \`server.metricsPort\` tells, in the text format of Prometheus. A metric appears with its first\nuse. ${MADE_BY}`,
    markdownTable(["Metric", "Kind", "Meaning"], rows),
  );
}

/** What is read when the page is asked for is a gauge, or counts as its name says. */
function kindOf(kind: string, name: string): string {
  if (kind !== "probe") return kind;
  return name.endsWith("_total") ? "counter" : "gauge";
}

/** A help text that stands in a constant is found by its name. */
function helpOf(help: string, source: string): string {
  if (help.startsWith('"')) return String(JSON.parse(help));
  const found = new RegExp(`\\b${help} =\\s*("(?:[^"\\\\]|\\\\.)*")`).exec(source)?.[1];
  return found === undefined ? "" : String(JSON.parse(found));
}
