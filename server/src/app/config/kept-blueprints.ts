import { readFileSync, renameSync, type Stats, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What the YAML of agents' files said when they were last read, kept between starts: parsing is what makes ten thousand
 * agents slow to start, and it leaves a grown heap behind. What is kept is checked anew by each start, so that it depends on
 * nothing but the file. Losing it costs one slow start.
 */
export interface KeptBlueprints {
  /** What the file said, when `stats` are those that it had; else undefined. */
  find(fileName: string, stats: Stats): unknown;
  /** `stats`: from before the file was read. */
  put(fileName: string, stats: Stats, input: unknown): void;
  /** Keeps what was found and put, and forgets the rest. Where nothing can be written nothing is kept, and nothing is lost. */
  save(): void;
}

/** Changes with the form of what is kept; another one is read as nothing. */
const VERSION = 1;
/**
 * A file that was written so shortly before it was looked at may be written again and keep its times and size. Most file
 * systems count time by the kernel's tick, at most 10 ms; some, whose times are whole seconds, in steps of up to two of them.
 */
const UNSETTLED_MS = { fine: 50, coarse: 2000 } as const;

type Entry = readonly [fileName: string, mtimeMs: number, ctimeMs: number, bytes: number, input: unknown];

export function openKeptBlueprints(home: string): KeptBlueprints {
  const path = join(home, "data", "blueprints.jsonl");
  const before = read(path);
  const openedAt = Date.now();
  const lines: string[] = [JSON.stringify(VERSION)];
  let isNew = false;

  return {
    find(fileName, stats) {
      const line = before.get(fileName);
      const entry = line === undefined ? undefined : entryOf(line);
      if (line === undefined || entry === undefined || !isOf(stats, entry)) return undefined;
      lines.push(line);
      return entry[4];
    },
    put(fileName, { mtimeMs, ctimeMs, size }, input) {
      // Every write sets it, and no tool sets it back.
      const unsettledMs = ctimeMs % 1000 === 0 ? UNSETTLED_MS.coarse : UNSETTLED_MS.fine;
      if (openedAt - ctimeMs < unsettledMs) return;
      lines.push(JSON.stringify([fileName, mtimeMs, ctimeMs, size, input] satisfies Entry));
      isNew = true;
    },
    save() {
      if (!isNew && lines.length === before.size + 1) return;
      try {
        writeFileSync(`${path}.new`, `${lines.join("\n")}\n`, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch {
        // A full or read-only disk: the store will say so, and the next start reads the files.
      }
    },
  };
}

/** The lines by file name, each parsed when it is asked for. Whatever cannot be read is read as nothing. */
function read(path: string): ReadonlyMap<string, string> {
  try {
    const [version, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
    if (version !== JSON.stringify(VERSION)) return new Map();
    return new Map(lines.map((line) => [line.slice(2, line.indexOf('"', 2)), line]));
  } catch {
    return new Map();
  }
}

/** A line that a crash of the machine left half is none. */
function entryOf(line: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return Array.isArray(entry) && entry.length === 5 ? (entry as unknown as Entry) : undefined;
  } catch {
    return undefined;
  }
}

function isOf({ mtimeMs, ctimeMs, size }: Stats, [, keptMtimeMs, keptCtimeMs, bytes]: Entry): boolean {
  return keptMtimeMs === mtimeMs && keptCtimeMs === ctimeMs && bytes === size;
}
