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
    ["Delivery", deliveryText(status, paint)],
    ...heldRows(status, paint),
    ...unsentRows(status, paint),
    ["Effects", effectsText(status, paint)],
    ...failedRows(status, paint),
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

/** A line for each reply that an operator has to decide about, with the command that shows its whole life. */
function unsentRows({ unsent, now }: StatusReport, paint: Paint): string[][] {
  return unsent.slice(0, SHOWN_ROWS).map(({ turnId, state, channel, target, error, at }) => {
    const what = state === "unknown" ? paint.warn("unknown") : paint.bad("given up");
    const why = error === undefined ? "" : `, ${oneLine(error, 60)}`;
    return ["", `${what} ${duration(now - at)} ago: ${channel} ${oneLine(target, 24)}, turn ${turnId}${why}`];
  });
}

function effectsText({ effects, now }: StatusReport, paint: Paint): string {
  const open = effects.pending.count + effects.running.count;
  const oldest = Math.min(effects.pending.oldestAt ?? now, effects.running.oldestAt ?? now);
  const more = effects.pending.isMore || effects.running.isMore ? "+" : "";
  const parts = [
    open === 0 ? "nothing waits" : `${count(open)}${more} wait, the oldest for ${duration(now - oldest)}`,
  ];
  if (effects.parked.count > 0)
    parts.push(paint.warn(`${rowsText(effects.parked)} parked for a newer version`));
  if (effects.dead.count > 0) parts.push(paint.bad(`${rowsText(effects.dead)} given up`));
  if (effects.shed.count > 0) parts.push(paint.warn(`${rowsText(effects.shed)} left out under load`));
  return parts.join("; ");
}

function failedRows({ failedEffects, now }: StatusReport, paint: Paint): string[][] {
  return failedEffects.slice(0, SHOWN_ROWS).map(({ turnId, kind, state, error, at }) => {
    const what = state === "parked" ? paint.warn("parked") : paint.bad("given up");
    const why = error === undefined ? "" : `, ${oneLine(error, 60)}`;
    return ["", `${what} ${duration(now - at)} ago: ${oneLine(kind, 40)}, turn ${turnId}${why}`];
  });
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

function deliveryText({ outbox, now }: StatusReport, paint: Paint): string {
  const open = outbox.pending.count + outbox.sending.count;
  const oldest = Math.min(outbox.pending.oldestAt ?? now, outbox.sending.oldestAt ?? now);
  const more = outbox.pending.isMore || outbox.sending.isMore ? "+" : "";
  const parts = [
    open === 0 ? "nothing waits" : `${count(open)}${more} wait, the oldest for ${duration(now - oldest)}`,
  ];
  if (outbox.unknown.count > 0) parts.push(paint.warn(`${rowsText(outbox.unknown)} unknown`));
  if (outbox.dead.count > 0) parts.push(paint.bad(`${rowsText(outbox.dead)} given up`));
  return parts.join("; ");
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
