import type { TurnEvent, TurnEventBody } from "@troupe/contracts";
import { NO_USAGE } from "@troupe/contracts";
import { describe, expect, test } from "vitest";
import { createOutput } from "../output.ts";
import { createTurnView, rowsOf, type TurnView } from "./turn-view.ts";
import { createWrapper } from "./wrap.ts";

const { paint } = createOutput({ isJson: false, noColor: true });

/** A terminal that understands what the view sends: line feed, return, cursor up, erase. */
class Terminal {
  lines: string[] = [""];
  row = 0;
  column = 0;

  write = (text: string): void => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal reads.
    for (const [piece] of text.matchAll(/\u001b\[\d*[AKJ]|\r|\n|[^\u001b\r\n]/gu)) {
      if (piece === "\n") {
        this.row += 1;
        this.column = 0;
        this.lines[this.row] ??= "";
      } else if (piece === "\r") this.column = 0;
      else if (piece.endsWith("A") && piece.length > 1) this.row -= Number(piece.slice(2, -1));
      else if (piece.endsWith("K") && piece.length > 1) this.cut();
      else if (piece.endsWith("J") && piece.length > 1) {
        this.cut();
        this.lines.length = this.row + 1;
      } else {
        const line = this.lines[this.row] ?? "";
        this.lines[this.row] = line.slice(0, this.column) + piece + line.slice(this.column + 1);
        this.column += 1;
      }
    }
  };

  get text(): string {
    return this.lines.join("\n");
  }

  private cut(): void {
    this.lines[this.row] = (this.lines[this.row] ?? "").slice(0, this.column);
  }
}

function setUp(options: { isTerminal?: boolean; columns?: number; rows?: number } = {}): {
  readonly terminal: Terminal;
  readonly view: TurnView;
  show(attempt: number, ...bodies: TurnEventBody[]): void;
} {
  const terminal = new Terminal();
  const { isTerminal = true, columns = 40, rows = 20 } = options;
  const view = createTurnView({ write: terminal.write, paint, isTerminal, columns, rows });
  const show = (attempt: number, ...bodies: TurnEventBody[]): void => {
    for (const [n, body] of bodies.entries()) view.event({ ...body, turnId: "t1", attempt, n } as TurnEvent);
  };
  return { terminal, view, show };
}

const begin: TurnEventBody = { type: "attempt-start" };
const delta = (text: string): TurnEventBody => ({ type: "text-delta", text });
const end = (text: string): TurnEventBody => ({
  type: "end",
  state: "replied",
  text,
  usage: NO_USAGE,
  costUsd: 0,
});

describe("a turn on a terminal", () => {
  test("shows that it thinks, then the words as they come", () => {
    const { terminal, show } = setUp();

    show(1, begin);
    expect(terminal.text).toBe("…");
    show(1, delta("Hello "), delta("the"));
    expect(terminal.text).toBe("Hello");
    show(1, delta("re."), end("Hello there."));

    expect(terminal.text).toBe("Hello there.\n");
  });

  test("takes back what the last attempt showed when a new one begins", () => {
    const { terminal, show } = setUp();

    show(1, begin, delta("One two three\nfour five "));
    show(2, begin, delta("Something else."), end("Something else."));

    expect(terminal.text).toBe("Something else.\n");
  });

  test("takes back what a model said that broke off within its attempt", () => {
    const { terminal, show } = setUp();

    show(1, begin, delta("Half an ans"), begin, delta("A whole answer."), end("A whole answer."));

    expect(terminal.text.trim()).toBe("A whole answer.");
  });

  test("says that it begins again where the first words have left the screen", () => {
    const { terminal, show } = setUp({ rows: 3 });

    show(1, begin, delta("1\n2\n3\n4\n5 "));
    show(2, begin, delta("New."), end("New."));

    expect(terminal.text).toContain("(it begins again)\nNew.\n");
  });

  test("takes back what it showed when the same attempt is told again from its start", () => {
    const { terminal, show, view } = setUp();

    show(1, begin, delta("One two "));
    view.remark("(Troupe is away.)");
    expect(terminal.text).toBe("One two \n(Troupe is away.)\n");
    show(1, begin, delta("One two three."), end("One two three."));

    expect(terminal.text).toBe("One two three.\n");
  });

  test("shows the whole reply when only its end is told after a remark", () => {
    const { terminal, show, view } = setUp();

    show(1, begin, delta("One two three."));
    view.remark("(Troupe is away.)");
    show(1, end("One two three."));

    expect(terminal.text).toBe("One two three.\n");
  });

  test("shows the kept reply when the stream lost some of it", () => {
    const { terminal, show } = setUp();

    show(1, begin, delta("Hel"), end("Hello there."));

    expect(terminal.text).toBe("Hello there.\n");
  });

  test("shows tools between the words", () => {
    const { terminal, show } = setUp();

    const tool = { type: "tool", callId: "c", name: "dice", detail: "1 ms" } as const;
    show(
      1,
      begin,
      delta("I roll."),
      { ...tool, status: "started" },
      { ...tool, status: "succeeded" },
      delta("Six."),
      end("Six."),
    );

    expect(terminal.text).toBe("I roll.\n  dice done: 1 ms\nSix.\n");
  });

  test("breaks what follows a line of its own, or is told again, as if it stood alone", () => {
    const { terminal, show } = setUp({ columns: 20 });
    const tool = { type: "tool", callId: "c", name: "dice", status: "succeeded" } as const;

    show(1, begin, delta("Twelve letters. "));
    show(2, begin, delta("One two three four five"), tool, delta("six seven eight nine "));

    expect(terminal.text).toBe("One two three four\nfive\n  dice done\nsix seven eight nine");
  });

  test("lets no word of a reply steer the terminal", () => {
    const { terminal, show } = setUp();

    show(1, begin, delta("a\u001b[2Jb\u0007c"), end("a\u001b[2Jb\u0007c"));

    expect(terminal.text).toBe("abc\n");
  });
});

test("a turn that is piped is written once, when it is final", () => {
  const { terminal, view, show } = setUp({ isTerminal: false });

  show(1, begin, delta("wrong"));
  show(2, begin, delta("right"), end("right"));

  expect(terminal.text).toBe("right\n");
  expect(view.end?.state).toBe("replied");
});

test("text is broken at spaces, whatever pieces it comes in", () => {
  const text =
    "The quick brown fox jumps over the lazy dog.\nAnother line, and a verylongwordthatdoesnotfit.";
  const whole = createWrapper(12);
  const pieces = createWrapper(12);

  const atOnce = whole.push(text) + whole.flush();
  const bitByBit = [...text].map((letter) => pieces.push(letter)).join("") + pieces.flush();

  expect(bitByBit).toBe(atOnce);
  expect(atOnce.split("\n").slice(0, 4)).toEqual(["The quick", "brown fox", "jumps over", "the lazy"]);
});

test("rows are counted as a terminal wraps them", () => {
  expect(rowsOf("12345", 5)).toBe(1);
  expect(rowsOf("123456", 5)).toBe(2);
  expect(rowsOf("a\n\nb", 5)).toBe(3);
  expect(rowsOf("漢字漢", 5)).toBe(2);
});
