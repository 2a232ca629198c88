import type { DeadLetter, Page } from "@troupe/contracts";
import type { DeadLetterReport, ShownDeadLetter } from "../../app/index.ts";
import { safeText } from "../../kit/index.ts";
import { oneLine, type Paint, table, withMore } from "../output.ts";
import { count, dateTime, duration, plural } from "./time.ts";

export function formatDeadLetters({ items, next }: Page<DeadLetter>, now: number, paint: Paint): string {
  if (items.length === 0) return "Nothing was given up.";
  const rows = items.map((letter) => [
    letter.id,
    `${duration(Math.max(0, now - letter.failedAt))} ago`,
    stateText(letter, paint),
    oneLine(letter.kind, 32),
    oneLine(whomOf(letter), 32),
    oneLine(letter.error ?? "", 60),
  ]);
  const hint =
    "./troupe dlq show ID tells all of one. dlq replay and dlq purge take ids, or the same filters.";
  return `${withMore(table(rows), next)}\n\n${hint}`;
}

function stateText({ state }: DeadLetter, paint: Paint): string {
  return state === "dead" ? paint.bad("given up") : paint.warn(state);
}

/** To whom it was to go, or whose it is. */
function whomOf({ to, agentId }: DeadLetter): string {
  if (to !== undefined) return `to ${to}`;
  return agentId === undefined ? "" : `of ${agentId}`;
}

export function formatDeadLetter(letter: ShownDeadLetter, paint: Paint): string {
  const { id, kind, source, to, agentId, turnId, sessionId, attempts, createdAt, failedAt } = letter;
  const facts: string[][] = [
    ["state", stateText(letter, paint)],
    ...(to === undefined ? [] : [["to", oneLine(to, 100)]]),
    ...(agentId === undefined || agentId === to ? [] : [["agent", agentId]]),
    ["turn", source === "turn" ? id : turnId],
    ...(sessionId === "" ? [] : [["session", sessionId]]),
    ["attempts", count(attempts)],
    ["made", dateTime(createdAt)],
    ["failed", dateTime(failedAt)],
    ...(letter.error === undefined ? [] : [["error", oneLine(letter.error, 500)]]),
  ];
  const troubles = letter.errors.map(({ attempt, at, error }) => [
    String(attempt),
    dateTime(at),
    oneLine(error, 200),
  ]);
  const payload =
    letter.withheld === undefined
      ? safeText(JSON.stringify(letter.payload, undefined, 2))
      : `It is not shown: ${letter.withheld}`;
  return [
    `${paint.bold(oneLine(kind, 100))} ${id}`,
    table(facts, "  "),
    ...(troubles.length === 0 ? [] : ["", paint.bold("Attempts that failed"), table(troubles, "  ")]),
    "",
    paint.bold("Payload"),
    payload.replace(/^/gm, "  "),
    "",
    letter.remedy,
  ].join("\n");
}

type Change = "replay" | "purge";

/** `12 delivery.telegram, 1 storyline.summary`. */
function kindsText({ byKind }: DeadLetterReport): string {
  return Object.entries(byKind)
    .map(([kind, number]) => `${count(number)} ${oneLine(kind, 40)}`)
    .join(", ");
}

export function questionOf(what: Change, report: DeadLetterReport, evenUnknown: boolean): string {
  const { changed, isMore } = report;
  const many = `${plural(changed, "dead letter")}${isMore ? " (and then the next)" : ""}: ${kindsText(report)}`;
  if (what === "purge") return `Forget ${many}, for good?`;
  return `Replay ${many}?${evenUnknown ? " Replies that may have arrived may then arrive twice." : ""}`;
}

export function formatReport(what: Change, report: DeadLetterReport, isRunning: boolean): string {
  const { isDry, changed, left, missing, isMore, found } = report;
  const lines: string[] = [];
  const when = isRunning ? "" : "; they go with the next start";
  if (isDry)
    lines.push(
      changed === 0 ? `Nothing would be ${PAST[what]}.` : `Would be ${PAST[what]}: ${kindsText(report)}.`,
    );
  else if (changed > 0) lines.push(`${SAID[what]}: ${kindsText(report)}${what === "replay" ? when : ""}.`);
  else
    lines.push(
      found + missing.length === 0 ? "Nothing was given up that this names." : `Nothing was ${PAST[what]}.`,
    );
  if (left.unknown > 0)
    lines.push(
      `${plural(left.unknown, "reply", "replies")} may have arrived: --even-unknown sends ${left.unknown === 1 ? "it" : "them"} again, and ${left.unknown === 1 ? "it" : "they"} may then arrive twice.`,
    );
  if (left.parked > 0)
    lines.push(
      `${count(left.parked)} of a kind that this version does not know: a newer one takes up what is parked.`,
    );
  if (left.turns > 0)
    lines.push(
      `${plural(left.turns, "turn")}: these are asked again instead, with ./troupe session retry SESSION.`,
    );
  if (left.gone > 0) lines.push(`${count(left.gone)} were gone, or stopped, meanwhile.`);
  if (missing.length > 0)
    lines.push(`No dead letter (any more): ${missing.map((id) => oneLine(id, 80)).join(", ")}.`);
  if (isMore) lines.push("There are more than one call takes: call it again for the rest.");
  return lines.join("\n");
}

const PAST: Readonly<Record<Change, string>> = { replay: "replayed", purge: "purged" };
const SAID: Readonly<Record<Change, string>> = { replay: "Replayed", purge: "Purged" };
