// npm run bench -- SUBJECT [--json] [--scale X] [--rounds N] [--data FILE] [--tiage FILE] [--irc FOLDER] [--dialogs FILE]
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { formatJson, formatTable } from "./harness/table.ts";

type Run = (options: BenchOptions) => Promise<Figure[]>;

/** Loaded when they are asked for: one subject does not pay for what another imports. */
const SUBJECTS: Readonly<Record<string, () => Promise<{ readonly run: Run }>>> = {
  turn: () => import("./turn.ts"),
  concurrency: () => import("./concurrency.ts"),
  growth: () => import("./growth.ts"),
  start: () => import("./start.ts"),
  idle: () => import("./idle.ts"),
  store: () => import("./store.ts"),
  bus: () => import("./bus.ts"),
  scale: () => import("./scale.ts"),
  flows: () => import("./flows.ts"),
  effects: () => import("./effects.ts"),
  queue: () => import("./queue.ts"),
  jobs: () => import("./jobs.ts"),
  vectors: () => import("./vectors.ts"),
  pgvector: () => import("./pgvector.ts"),
  recall: () => import("./recall.ts"),
  storyline: () => import("./storyline.ts"),
  chatter: () => import("./chatter.ts"),
  ingest: () => import("./ingest.ts"),
};

const USAGE = `usage: npm run bench -- SUBJECT [--json] [--scale X] [--rounds N] [--data FILE] [--tiage FILE] [--irc FOLDER] [--dialogs FILE]
subjects: ${Object.keys(SUBJECTS).join(" ")} all
--scale X   multiplies how long each measurement takes; 1 unless said, 0.4 with all
--rounds N  repeats; figures are medians over them; 5 unless said, 3 with all
--data FILE conversations with questions about them, in LoCoMo's form, for recall
--tiage FILE, --irc FOLDER, --dialogs FILE  what storyline measures on; bench/README.md says what they hold
--json      one line of JSON a figure`;

const EXIT = { done: 0, failed: 1, misuse: 2 } as const;

interface Wish {
  readonly names: readonly string[];
  readonly isJson: boolean;
  readonly options: BenchOptions;
}

/** Undefined when it cannot be understood. */
function readWish(args: readonly string[]): Wish | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        scale: { type: "string" },
        rounds: { type: "string" },
        data: { type: "string" },
        tiage: { type: "string" },
        irc: { type: "string" },
        dialogs: { type: "string" },
      },
    });
    const [name = ""] = positionals;
    const { tiage, irc, dialogs } = values;
    const isAll = name === "all";
    const scale = Number(values.scale ?? (isAll ? 0.4 : 1));
    const rounds = Number(values.rounds ?? (isAll ? 3 : 5));
    if (positionals.length !== 1 || !(isAll || Object.hasOwn(SUBJECTS, name))) return undefined;
    if (!(scale > 0) || !Number.isInteger(rounds) || rounds < 1) return undefined;
    const progress = (line: string): void => console.error(line);
    return {
      names: isAll ? Object.keys(SUBJECTS) : [name],
      isJson: values.json,
      options: { scale, rounds, progress, data: values.data, chats: { tiage, irc, dialogs } },
    };
  } catch {
    return undefined;
  }
}

async function main(): Promise<number> {
  const wish = readWish(process.argv.slice(2));
  if (wish === undefined) {
    console.error(USAGE);
    return EXIT.misuse;
  }
  let exitCode: number = EXIT.done;
  for (const name of wish.names) {
    try {
      const subject = await (SUBJECTS[name] as () => Promise<{ readonly run: Run }>)();
      const figures = await subject.run(wish.options);
      console.log(wish.isJson ? formatJson(figures) : `${formatTable(figures)}\n`);
    } catch (error) {
      // A missed target is a figure; a subject that cannot measure is a failure.
      console.error(`${name} failed:`, error);
      exitCode = EXIT.failed;
    }
  }
  return exitCode;
}

process.exitCode = await main();
