import type { StatusReport, WaitingRows } from "../../app/index.ts";
import { type Paint, table } from "../output.ts";
import { clockTime, count, dateTime, duration, plural, usd } from "./time.ts";

/** What runs, what waits and since when, in a few lines. */
export function formatStatus(status: StatusReport, paint: Paint): string {
  const rows: string[][] = [
    ["Messages", messagesText(status)],
    ["Turns", turnsText(status)],
    ["Delivery", deliveryText(status, paint)],
    ["Budget", budgetText(status, paint)],
    [
      "Models",
      Object.entries(status.models)
        .map(([name, list]) => `${name}: ${list.join(", ")}`)
        .join("; "),
    ],
    ["Agents", status.agents.join(", ") || "none"],
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

function rowsText(rows: WaitingRows): string {
  return `${count(rows.count)}${rows.isMore ? "+" : ""}`;
}

function budgetText({ budget }: StatusReport, paint: Paint): string {
  const { spentMicroUsd, reservedMicroUsd, limitMicroUsd } = budget;
  const reserved = reservedMicroUsd === 0 ? "" : `, ${usd(reservedMicroUsd)} reserved`;
  if (limitMicroUsd === undefined) return `${usd(spentMicroUsd)} today${reserved}; no limit is set`;
  const isSpent = spentMicroUsd + reservedMicroUsd >= limitMicroUsd;
  return `${usd(spentMicroUsd).replace(" USD", "")} of ${usd(limitMicroUsd)} today${reserved}${isSpent ? `; ${paint.bad("used up")}` : ""}`;
}
