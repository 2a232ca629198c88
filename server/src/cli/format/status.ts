import type { DeadLetter } from "@troupe/contracts";
import type { StatusReport, WaitingRows } from "../../app/index.ts";
import { oneLine, type Paint, table } from "../output.ts";
import { clockTime, count, dateTime, duration, plural, usd } from "./time.ts";

/** `--json` tells more of them. */
const SHOWN_ROWS = 3;

/** What runs, what waits and since when, in a few lines. */
export function formatStatus(status: StatusReport, paint: Paint): string {
  const rows: string[][] = [
    ["Messages", messagesText(status)],
    ["Turns", turnsText(status)],
    ["Delivery", deliveryText(status)],
    ...heldRows(status, paint),
    ...laneRows(status, paint),
    ...deadRows(status, paint),
    ...(status.jobs.open === 0 ? [] : [["Jobs", jobsText(status)]]),
    ...flowRows(status, paint),
    ...(status.processes.length > 1 ? [["Processes", processesText(status, paint)]] : []),
    ["Budget", budgetText(status, paint)],
    [
      "Models",
      Object.entries(status.models)
        .map(([name, list]) => `${name}: ${list.join(", ")}`)
        .join("; "),
    ],
    ...providerRows(status, paint),
    ["Agents", status.agents.join(", ") || "none"],
    ...status.unreadable.map(({ setting, reason }) => [
      "Secrets",
      `${paint.bad(setting)} is not used: ${reason}`,
    ]),
  ];
  const { lastReload } = status;
  if (lastReload?.kind === "rejected") {
    const [first] = lastReload.problems;
    const more = lastReload.problems.length - 1;
    const where =
      first === undefined
        ? ""
        : ` ${first.file}${first.line === undefined ? "" : `:${first.line}`} ${first.message}`;
    const rest = more > 0 ? ` And ${plural(more, "further problem")}: ./troupe config check.` : "";
    rows.push([
      "Settings",
      `${paint.bad("broken")} since ${clockTime(lastReload.at).slice(0, 5)}; what was in force stays.${where}${rest}`,
    ]);
  } else if (lastReload !== undefined && lastReload.needsRestart.length > 0) {
    rows.push([
      "Settings",
      `${paint.warn("changed")}; these take a restart: ${lastReload.needsRestart.join(", ")}`,
    ]);
  }
  return `${head(status, paint)}\n${table(rows, "  ")}`;
}

/** Only those that do not work as usual. */
function providerRows({ providers, now }: StatusReport, paint: Paint): string[][] {
  return providers
    .filter(({ state, failures }) => state !== "closed" || failures > 0)
    .map(({ provider, state, openUntil, failures, lastError = "" }) => {
      const how =
        state === "closed"
          ? paint.warn(plural(failures, "failure"))
          : openUntil === undefined
            ? paint.warn("is tried again")
            : `${paint.bad("left alone")} for ${duration(openUntil - now)}`;
      return ["Provider", `${provider} ${how}${lastError === "" ? "" : `: ${oneLine(lastError, 100)}`}`];
    });
}

function head(status: StatusReport, paint: Paint): string {
  const { pid, startedAt, rssBytes } = status.process;
  if (status.phase === "not_running")
    return `Troupe ${status.version} ${paint.warn("does not run")}. ./troupe up starts it.`;
  const since = dateTime(startedAt);
  const where = `since ${since}, process ${pid}, ${Math.round(rssBytes / 1_000_000)} MB`;
  if (status.ready) return `Troupe ${status.version} ${paint.good("runs")} ${where}.`;
  return `Troupe ${status.version} is ${paint.bad("not ready")} (${where}): ${status.reasons.join(" ")}`;
}

function messagesText({ messages, now }: StatusReport): string {
  const { accepted = 0, ...ended } = messages.states;
  const waiting =
    accepted === 0 || messages.oldestAcceptedAt === undefined
      ? "nothing waits"
      : `${count(accepted)} on the way, the oldest for ${duration(now - messages.oldestAcceptedAt)}`;
  const ends = Object.entries(ended).filter(([, number]) => number > 0);
  return [waiting, ...ends.map(([state, number]) => `${count(number)} ${state}`)].join("; ");
}

function turnsText({ turns }: StatusReport): string {
  if (turns.running + turns.waiting === 0) return "none runs";
  const runs = `${count(turns.running)} ${turns.running === 1 ? "runs" : "run"}`;
  return turns.waiting === 0
    ? runs
    : `${runs}, ${count(turns.waiting)} ${turns.waiting === 1 ? "waits" : "wait"}`;
}

/** A line for each lane that has something to do. */
function laneRows({ lanes, shed, now }: StatusReport, paint: Paint): string[][] {
  const lines = lanes.flatMap(({ lane, running, due, later, dueSince, oldestAt, isLeft }) => {
    if (running + due + later === 0) return [];
    const parts = [
      ...(running > 0 ? [`${count(running)} ${running === 1 ? "runs" : "run"}`] : []),
      ...(due > 0 ? [`${count(due)} ${due === 1 ? "waits" : "wait"}`] : []),
      ...(later > 0 ? [`${count(later)} for later`] : []),
      ...(dueSince === undefined ? [] : [`${duration(Math.max(0, now - dueSince))} behind`]),
      ...(oldestAt === undefined ? [] : [`the oldest for ${duration(Math.max(0, now - oldestAt))}`]),
      ...(isLeft ? [paint.bad("no process works in it")] : []),
    ];
    return [`${lane}: ${parts.join(", ")}`];
  });
  if (lines.length === 0) lines.push("nothing waits");
  if (shed.count > 0) lines.push(paint.warn(`${rowsText(shed)} left out under load`));
  return lines.map((line, at) => [at === 0 ? "Effects" : "", line]);
}

/** What needs an operator, by kind, and the last of it. */
function deadRows({ deadLetters: { kinds, latest }, now }: StatusReport, paint: Paint): string[][] {
  if (kinds.length === 0) return [];
  const oldest = Math.min(...kinds.map(({ oldestAt }) => oldestAt));
  const named = kinds.map(({ kind, count: number }) => `${count(number)} ${oneLine(kind, 40)}`).join(", ");
  const first = `${paint.bad(named)}, the oldest for ${duration(now - oldest)}: ./troupe dlq list`;
  const rest = latest.slice(0, SHOWN_ROWS).map((letter) => deadLine(letter, now, paint));
  return [first, ...rest].map((line, at) => [at === 0 ? "Dead" : "", line]);
}

function deadLine(letter: DeadLetter, now: number, paint: Paint): string {
  const { state, kind, to, turnId, error, failedAt } = letter;
  const what = state === "dead" ? paint.bad("given up") : paint.warn(state);
  const whom = to === undefined ? "" : ` to ${oneLine(to, 24)}`;
  const why = error === undefined ? "" : `, ${oneLine(error, 60)}`;
  return `${what} ${duration(now - failedAt)} ago: ${oneLine(kind, 40)}${whom}, turn ${turnId}${why}`;
}

function jobsText({ jobs: { open, running, due, nextAt }, now }: StatusReport): string {
  const runs = running === 0 ? "none runs" : `${count(running)} ${running === 1 ? "runs" : "run"}`;
  const next = nextAt === undefined ? "" : `, the next in ${duration(nextAt - now)}`;
  const when =
    due.oldestAt === undefined
      ? `none is due${next}`
      : `${count(due.count)} ${due.count === 1 ? "is" : "are"} due, the oldest for ${duration(now - due.oldestAt)}`;
  return `${count(open)} open; ${runs}; ${when}`;
}

const WAITS_FOR: Readonly<Record<StatusReport["flows"]["parked"][number]["on"], string>> = {
  timer: "for their time",
  event: "for an event",
  manual: "for somebody to resume them",
  children: "for flows that they began",
  turn: "for a turn",
  version: "for a version that is not here",
};

/** Only where there are any: what they wait for, and since when. */
function flowRows({ flows, now }: StatusReport, paint: Paint): string[][] {
  if (flows.parked.length === 0) return [];
  const parts = flows.parked.map(({ on, count: number, oldestAt }) => {
    const text = `${count(number)} ${WAITS_FOR[on]}, the oldest for ${duration(now - oldestAt)}`;
    return on === "version" ? `${paint.bad(text)}: ./troupe flow list --on version` : text;
  });
  return [["Flows", parts.join("; ")]];
}

function processesText({ processes, process }: StatusReport, paint: Paint): string {
  return processes
    .map(({ id, pid, role, isAlive, facts }) => {
      const state = isAlive ? (id === process.id ? "this one" : "alive") : paint.warn("its lease has ended");
      const turns =
        facts === undefined ? [] : [`${facts.turns.running} running, ${facts.turns.waiting} waiting`];
      const unready = facts?.ready === false ? [paint.warn(facts.reasons.join(" "))] : [];
      const broken = facts?.breakers.map((one) => paint.bad(`${one.provider} ${one.state}`)) ?? [];
      return `${pid} (${[role, state, ...turns, ...unready, ...broken].join(", ")})`;
    })
    .join(", ");
}

function deliveryText({ outbox, now }: StatusReport): string {
  const open = outbox.pending.count + outbox.sending.count;
  if (open === 0) return "nothing waits";
  const oldest = Math.min(outbox.pending.oldestAt ?? now, outbox.sending.oldestAt ?? now);
  return `${count(open)} wait, the oldest for ${duration(now - oldest)}`;
}

function heldRows({ hold }: StatusReport, paint: Paint): string[][] {
  if (hold === undefined) return [];
  const what = `${paint.warn("held")} since ${dateTime(hold.since)}: ${hold.reason}`;
  return [["", `${what} ./troupe outbox list shows what waits, outbox release lets it go.`]];
}

function rowsText(rows: WaitingRows): string {
  return `${count(rows.count)}${rows.isMore ? "+" : ""}`;
}

function budgetText({ budget }: StatusReport, paint: Paint): string {
  const { spentMicroUsd, reservedMicroUsd, limitMicroUsd, asked } = budget;
  const asks = asked === 0 ? "" : `; ${paint.warn("more was asked for")}: ./troupe budget list`;
  const reserved = reservedMicroUsd === 0 ? "" : `, ${usd(reservedMicroUsd)} reserved`;
  if (limitMicroUsd === undefined)
    return `${usd(spentMicroUsd)} today${reserved}; no limit of the day is set${asks}`;
  const isSpent = spentMicroUsd + reservedMicroUsd >= limitMicroUsd;
  return `${usd(spentMicroUsd).replace(" USD", "")} of ${usd(limitMicroUsd)} today${reserved}${isSpent ? `; ${paint.bad("used up")}` : ""}${asks}`;
}
