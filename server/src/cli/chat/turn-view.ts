import type { TurnEvent } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import { type Output, oneLine, widthOf } from "../output.ts";
import { createWrapper, wrapped } from "./wrap.ts";

export type TurnEndEvent = Extract<TurnEvent, { readonly type: "end" }>;

/** Shows one turn while it happens. */
export interface TurnView {
  event(event: TurnEvent): void;
  /** Says something about the turn below what is shown; it goes when the turn is shown anew. */
  remark(text: string): void;
  /** Resolved by the last event; undefined when the stream ended without one. */
  readonly end: TurnEndEvent | undefined;
  readonly turnId: string | undefined;
}

export type Screen = Pick<Output, "write" | "isTerminal" | "paint"> & {
  readonly columns: number;
  readonly rows: number;
  /** A command's tool is what was asked for and needs no mention. Default: tools are shown. */
  readonly hidesTools?: boolean;
};

const THINKING = "…";

/**
 * On a terminal words appear as they come, and a new attempt takes back what the last one showed. Elsewhere nothing can
 * be taken back, so the reply is written once, when it is final.
 */
export function createTurnView(screen: Screen): TurnView {
  return screen.isTerminal ? liveView(screen) : finalView(screen);
}

function finalView(screen: Screen): TurnView {
  let end: TurnEndEvent | undefined;
  let turnId: string | undefined;
  return {
    event(event) {
      ({ turnId } = event);
      if (event.type !== "end") return;
      end = event;
      if (event.text !== "" && event.state === "replied") screen.write(`${safeText(event.text).trimEnd()}\n`);
    },
    // Nothing can be taken back here, and only the reply belongs here.
    remark() {},
    get end() {
      return end;
    },
    get turnId() {
      return turnId;
    },
  };
}

/** What one turn has on the screen, which can be taken back. */
interface Region {
  /** Words, broken at spaces; the last one appears once it is whole. */
  say(text: string): void;
  put(text: string): void;
  freshLine(): void;
  /** Shows that something is coming; the next `put` removes it. */
  think(): void;
  takeBack(): void;
}

function createRegion({ write, paint, columns, rows: screenRows }: Screen): Region {
  let shown = "";
  let isThinking = false;
  const stopThinking = (): void => {
    if (isThinking) write("\r\u001b[K");
    isThinking = false;
  };
  const put = (text: string): void => {
    stopThinking();
    shown += text;
    write(text);
  };
  let wrapper = createWrapper(columns);
  const endWords = (): void => {
    const rest = wrapper.flush();
    if (rest !== "") put(rest);
  };
  return {
    say(text) {
      const whole = wrapper.push(text);
      if (whole !== "") put(whole);
    },
    put,
    freshLine() {
      endWords();
      stopThinking();
      if (shown !== "" && !shown.endsWith("\n")) put("\n");
      wrapper = createWrapper(columns);
    },
    think() {
      if (isThinking) return;
      isThinking = true;
      write(paint.dim(THINKING));
    },
    takeBack() {
      wrapper = createWrapper(columns);
      stopThinking();
      const rows = rowsOf(shown, columns);
      // What has left the screen at its top can no longer be reached.
      if (rows >= screenRows) write(paint.dim("\n(it begins again)\n"));
      else if (shown !== "") write(`${rows > 1 ? `\u001b[${rows - 1}A` : ""}\r\u001b[J`);
      shown = "";
    },
  };
}

function liveView(screen: Screen): TurnView {
  const region = createRegion(screen);
  /** The reply's words on the screen, to compare with the final ones. */
  let words = "";
  let end: TurnEndEvent | undefined;
  let turnId: string | undefined;
  let attempt = 1;

  const takeBack = (): void => {
    region.takeBack();
    words = "";
  };
  const say = (text: string): void => {
    words += text;
    region.say(safeText(text));
  };
  const finish = (event: TurnEndEvent): void => {
    end = event;
    // Words of a stream may be lost, or of an earlier step and not the reply's: what was kept is what counts.
    const isWhole = words !== "" && event.text.trim().endsWith(words.trim());
    if (event.state === "replied" && !isWhole) {
      takeBack();
      say(event.text);
    }
    region.freshLine();
  };

  return {
    event(event) {
      ({ turnId } = event);
      // A new attempt, a model that begins anew within one, or the same told from its start after the line had broken.
      if (event.type === "attempt-start" || event.attempt > attempt) takeBack();
      attempt = event.attempt;
      if (event.type === "attempt-start") region.think();
      else if (event.type === "text-delta") say(event.text);
      else if (event.type === "end") finish(event);
      else if (event.type === "tool" && isWorthSaying(event, screen)) {
        region.freshLine();
        region.put(`${screen.paint.dim(toolLine(event))}\n`);
        words = "";
        region.think();
      }
    },
    remark(text) {
      region.freshLine();
      region.put(`${screen.paint.dim(wrapped(text, screen.columns))}\n`);
      words = "";
    },
    get end() {
      return end;
    },
    get turnId() {
      return turnId;
    },
  };
}

function isWorthSaying({ status }: { readonly status: string }, { hidesTools = false }: Screen): boolean {
  return !hidesTools && status !== "requested" && status !== "started";
}

function toolLine(event: Extract<TurnEvent, { readonly type: "tool" }>): string {
  const words: Readonly<Record<string, string>> = {
    succeeded: "done",
    "approval-required": "waits for approval",
  };
  const detail = event.detail === undefined ? "" : `: ${oneLine(event.detail, 60)}`;
  return `  ${oneLine(event.name, 40)} ${words[event.status] ?? event.status}${detail}`;
}

/** Lines that a text takes on a screen so many columns wide. */
export function rowsOf(text: string, columns: number): number {
  return text.split("\n").reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
}
