import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clearScreenDown, createInterface, cursorTo, moveCursor } from "node:readline";
import { Writable } from "node:stream";

/** Reads what a person types, with line editing and a history that outlives the process. */
export interface LineReader {
  /** Shows the prompt and what was typed meanwhile. */
  prompt(): void;
  /** Typing is not shown until the next prompt. */
  hush(): void;
  /** Takes the prompt away, lets `print` write, and shows the prompt again with what was typed so far. */
  aside(print: () => void): void;
  close(): void;
}

/** Lines that arrive closer together than anybody types are one pasted message. */
const PASTE_GAP_MS = 30;
const HISTORY_LINES = 500;

export interface LineReaderOptions {
  readonly promptText: string;
  readonly onMessage: (text: string) => void;
  /** Ctrl-C. `line`: what stands in the prompt. */
  readonly onInterrupt: (line: string) => void;
  /** Once: by `close`, Ctrl-D at an empty line, or a terminal that went away. */
  readonly onClose: () => void;
}

export function createLineReader(options: LineReaderOptions & { readonly home: string }): LineReader {
  const historyPath = join(options.home, "data", "terminal-history");
  const screen = createScreen();
  const reader = createInterface({
    input: process.stdin,
    output: screen.stream,
    terminal: true,
    prompt: options.promptText,
    history: readHistory(historyPath),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    tabSize: 4,
  });
  let lines: string[] = [];
  let gap: NodeJS.Timeout | undefined;

  reader.on("line", (line) => {
    lines.push(line);
    clearTimeout(gap);
    gap = setTimeout(() => {
      // The last line of a paste has no end yet: the whole goes when Enter ends it.
      if (reader.line !== "") return;
      const text = lines.join("\n");
      lines = [];
      options.onMessage(text);
    }, PASTE_GAP_MS);
  });
  reader.on("history", (history) => writeHistory(historyPath, history));
  reader.on("SIGINT", () => {
    const { line } = reader;
    if (line !== "") {
      // As shells do: the line is dropped, the program stays.
      reader.write(null, { ctrl: true, name: "e" });
      reader.write(null, { ctrl: true, name: "u" });
    }
    options.onInterrupt(line);
  });
  reader.on("close", () => {
    clearTimeout(gap);
    options.onClose();
  });

  return {
    prompt() {
      screen.isHushed = false;
      reader.prompt(true);
    },
    hush() {
      screen.isHushed = true;
    },
    aside(print) {
      const { rows } = reader.getCursorPos();
      if (rows > 0) moveCursor(process.stdout, 0, -rows);
      cursorTo(process.stdout, 0);
      clearScreenDown(process.stdout);
      print();
      reader.prompt(true);
    },
    close: () => reader.close(),
  };
}

interface Screen {
  readonly stream: Writable;
  isHushed: boolean;
}

/** Standard output as the line editor sees it, which can be told to write nothing. */
function createScreen(): Screen {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      if (!screen.isHushed) process.stdout.write(chunk);
      done();
    },
  });
  const screen: Screen = { stream, isHushed: false };
  Object.defineProperty(stream, "columns", { get: () => process.stdout.columns });
  Object.defineProperty(stream, "isTTY", { value: true });
  process.stdout.on("resize", () => stream.emit("resize"));
  return screen;
}

function readHistory(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}

/** What people write to an agent is private, so the file is theirs alone. */
function writeHistory(path: string, history: readonly string[]): void {
  try {
    writeFileSync(path, `${history.join("\n")}\n`, { mode: 0o600 });
  } catch {
    // A full disk must not end a conversation; the history is a convenience.
  }
}
