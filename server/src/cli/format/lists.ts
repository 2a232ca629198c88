import type { AgentSpec, KeyRecord, SessionSummary, Turn } from "@troupe/contracts";
import { oneLine, type Paint, table } from "../output.ts";
import { count, dateTime, duration, usd } from "./time.ts";

/** An agent as the admin routes show it. */
export interface AgentView extends AgentSpec {
  readonly revision: number;
}

export function formatAgents(agents: readonly AgentView[], paint: Paint): string {
  if (agents.length === 0) return "No agents. Write one: agents/ana.yaml in the home.";
  return table(
    agents.map((agent) => [
      paint.bold(agent.id),
      oneLine(agent.name, 24),
      agent.model,
      `revision ${agent.revision}`,
      oneLine(agent.description ?? "", 60),
    ]),
  );
}

export function formatAgent(agent: AgentView, paint: Paint): string {
  const facts: string[][] = [
    ["name", agent.name],
    ["model", agent.model],
    ["revision", String(agent.revision)],
    ["tools", agent.tools === undefined ? "every built-in" : agent.tools.join(", ") || "none"],
  ];
  if (agent.whileBusy !== undefined) facts.push(["while busy", agent.whileBusy]);
  if (agent.deadlineMs !== undefined) facts.push(["deadline", duration(agent.deadlineMs)]);
  if (agent.maxSteps !== undefined) facts.push(["steps", `at most ${agent.maxSteps}`]);
  if (agent.description !== undefined) facts.push(["description", oneLine(agent.description, 200)]);
  const instructions = agent.instructions.trimEnd().replace(/^/gm, "  ");
  return `${paint.bold(agent.id)}\n${table(facts, "  ")}\n\n${instructions}`;
}

/** A session, and where in it the words of a search stand. */
export interface FoundSession extends SessionSummary {
  readonly matches?: readonly { readonly role: string; readonly text: string }[];
}

export function formatSessions(sessions: readonly FoundSession[], paint: Paint): string {
  if (sessions.length === 0) return "No conversations yet. ./troupe chat begins one.";
  const lines = table(
    sessions.map((session) => [
      session.id,
      dateTime(session.updatedAt),
      session.agentId,
      `${session.channel}/${oneLine(session.key, 24)}`,
      count(session.turns).padStart(4),
      paint.dim(oneLine(session.title, 48)),
    ]),
  ).split("\n");
  const found = sessions.map(({ matches = [] }) =>
    matches.map(({ role, text }) => `\n    ${role}: ${oneLine(text, 100)}`).join(""),
  );
  return lines.map((line, at) => `${line}${found[at] ?? ""}`).join("\n");
}

export function formatTurns(turns: readonly Turn[], now: number, paint: Paint): string {
  if (turns.length === 0) return "No turns.";
  return table(
    turns.map((turn) => [
      turn.id,
      dateTime(turn.createdAt),
      turn.agentId,
      stateText(turn, now, paint),
      turn.costMicroUsd > 0 ? usd(turn.costMicroUsd) : "",
    ]),
  );
}

function stateText(turn: Turn, now: number, paint: Paint): string {
  if (turn.state === "queued" || turn.state === "running") {
    return paint.warn(`${turn.state} for ${duration(now - turn.createdAt)}`);
  }
  const { finishedAt } = turn;
  const took = finishedAt === undefined ? "" : ` in ${duration(finishedAt - turn.createdAt)}`;
  const why = turn.error === undefined ? "" : ` (${turn.error.code})`;
  return turn.state === "failed" || turn.state === "dead"
    ? paint.bad(turn.state) + why
    : turn.state + took + why;
}

/** A browser that a link signed in, as the admin routes show it. */
export interface BrowserView {
  readonly id: string;
  readonly name: string;
  readonly kind: "browser";
  readonly for: { readonly kind: string; readonly id: string };
  readonly usedAt: number;
  readonly until: number;
  readonly revokedAt?: number;
}

export function formatKeys(
  keys: readonly Omit<KeyRecord, "hash">[],
  browsers: readonly BrowserView[],
  paint: Paint,
): string {
  if (keys.length + browsers.length === 0) return "No keys. ./troupe key create --name NAME makes one.";
  const rows = keys.map((key) => [
    key.id,
    oneLine(key.name, 32),
    key.kind,
    `${key.hint}…`,
    `made ${dateTime(key.createdAt)}`,
    key.revokedAt === undefined ? paint.good("valid") : paint.dim(`revoked ${dateTime(key.revokedAt)}`),
  ]);
  const browserRows = browsers.map((browser) => [
    ...[browser.id, oneLine(browser.name, 32), "browser", browser.for.id],
    `signed in ${dateTime(browser.usedAt)}`,
    browser.revokedAt === undefined
      ? `until ${dateTime(browser.until)}`
      : paint.dim(`revoked ${dateTime(browser.revokedAt)}`),
  ]);
  return table([...rows, ...browserRows]);
}
