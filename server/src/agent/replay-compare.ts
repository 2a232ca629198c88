import { isDeepStrictEqual } from "node:util";
import type { ModelMessage, ModelRequest, TapeCall, TapeDifference, ToolSpec } from "@troupe/contracts";
import type { Tape } from "../kit/index.ts";

/** More say nothing that the first ones do not. */
const MAX_DIFFERENCES = 20;
const EXCERPT = 60;

/** Gathers where a replay leaves its tape. */
export interface Differences {
  readonly found: readonly TapeDifference[];
  add(difference: TapeDifference): void;
}

export function createDifferences(): Differences {
  const found: TapeDifference[] = [];
  return {
    found,
    add(difference) {
      if (found.length < MAX_DIFFERENCES) found.push(difference);
    },
  };
}

/** What of a request is not as it was recorded. `now` is redacted as the tape is. */
export function compareRequest(
  tape: Tape,
  recorded: TapeCall,
  now: Pick<ModelRequest, "messages" | "tools"> & { readonly settings: TapeCall["settings"] },
  differences: Differences,
): void {
  const call = recorded.n + 1;
  const before = tape.messages(recorded.messages);
  const place = firstDifferent(before, now.messages);
  if (place !== undefined) {
    const detail = `model call ${call}, ${messageDetail(place, before[place], now.messages[place])}`;
    differences.add({ what: "prompt", call, message: place + 1, detail: sentence(detail) });
  }
  const tools = toolsDetail(tape.tools(recorded.tools), now.tools);
  if (tools !== undefined)
    differences.add({ what: "tools", call, detail: sentence(`model call ${call}, its tools: ${tools}`) });
  const settings = settingsDetail(recorded.settings, now.settings);
  if (settings !== undefined)
    differences.add({ what: "settings", call, detail: sentence(`model call ${call}, ${settings}`) });
}

function firstDifferent(before: readonly unknown[], now: readonly unknown[]): number | undefined {
  const longest = Math.max(before.length, now.length);
  for (let at = 0; at < longest; at++) if (!isSame(before[at], now[at])) return at;
  return undefined;
}

/** As JSON says it: a member that is undefined is one that is not there. */
function isSame(before: unknown, now: unknown): boolean {
  return before === now || isDeepStrictEqual(plain(before), plain(now));
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function messageDetail(
  place: number,
  before: ModelMessage | undefined,
  now: ModelMessage | undefined,
): string {
  const where = `message ${place + 1} of the prompt`;
  if (before === undefined)
    return `${where}: the ${now?.role} message "${excerpt(now?.text ?? "", 0)}" is new`;
  if (now === undefined)
    return `${where}: the ${before.role} message "${excerpt(before.text, 0)}" is missing`;
  if (before.role !== now.role) return `${where}: it was ${before.role}, and is ${now.role}`;
  if (before.text === now.text) return `${where} (${before.role}): its calls or files differ`;
  const at = parting(before.text, now.text);
  return `${where} (${before.role}): it was "${excerpt(before.text, at)}", and is "${excerpt(now.text, at)}"`;
}

function toolsDetail(before: readonly ToolSpec[], now: readonly ToolSpec[]): string | undefined {
  const names = (specs: readonly ToolSpec[]): ReadonlySet<string> => new Set(specs.map(({ name }) => name));
  const [old, present] = [names(before), names(now)];
  const gone = [...old].filter((name) => !present.has(name));
  const added = [...present].filter((name) => !old.has(name));
  if (gone.length + added.length > 0) {
    const words = [
      ...(gone.length === 0 ? [] : [`${gone.join(", ")} ${gone.length === 1 ? "is" : "are"} missing`]),
      ...(added.length === 0 ? [] : [`${added.join(", ")} ${added.length === 1 ? "is" : "are"} new`]),
    ];
    return words.join("; ");
  }
  const at = firstDifferent(before, now);
  return at === undefined ? undefined : `${now[at]?.name} is described otherwise or stands elsewhere`;
}

/** How long an answer may be is left out: that is also a matter of what a budget holds just then. */
function settingsDetail(before: TapeCall["settings"], now: TapeCall["settings"]): string | undefined {
  const compared = ["temperature", "toolChoice", "stop", "responseFormat", "hints"] as const;
  const other = compared.filter((name) => !isSame(before[name], now[name]));
  return other.length === 0 ? undefined : `its settings: ${other.join(", ")} not as recorded`;
}

/** What two texts have from where they part. */
export function textDifference(before: string, now: string): string {
  const at = parting(before, now);
  return `it was "${excerpt(before, at)}", and is "${excerpt(now, at)}"`;
}

function parting(before: string, now: string): number {
  let at = 0;
  while (at < before.length && before[at] === now[at]) at += 1;
  return at;
}

function excerpt(text: string, at: number): string {
  const from = Math.max(0, at - 20);
  const shown = text.slice(from, from + EXCERPT).replace(/\s+/g, " ");
  return `${from > 0 ? "…" : ""}${shown}${from + EXCERPT < text.length ? "…" : ""}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
