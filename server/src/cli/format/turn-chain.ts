import type {
  EffectRecord,
  InboundRecord,
  Message,
  OutboxRecord,
  Session,
  TraceEntry,
  Turn,
  TurnOrigin,
  TurnTree,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { oneLine, type Paint } from "../output.ts";
import { clockTime, duration, usd } from "./time.ts";
import { formatOrigin, formatTree } from "./turn-tree.ts";
import { formatTurnUsage, type TurnUsage } from "./turn-usage.ts";

/** Everything that is kept of one turn. */
export interface TurnLife {
  readonly turn: Turn;
  readonly session?: Pick<Session, "channel" | "key" | "peerId"> | undefined;
  readonly storyline?: { readonly title: string } | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly inbound?: readonly InboundRecord[] | undefined;
  readonly outbox?: readonly OutboxRecord[] | undefined;
  readonly effects?:
    | readonly Pick<EffectRecord, "kind" | "createdAt" | "state" | "error" | "endedAt">[]
    | undefined;
  readonly usage?: TurnUsage | undefined;
  readonly origin?: TurnOrigin | null | undefined;
  readonly caused?: TurnTree | undefined;
}

const WHAT_WIDTH = 9;

/** One message's whole life, from receipt to delivery, a line for each thing that happened, in the order of time. */
export function formatTurnChain(life: TurnLife, paint: Paint): string {
  const { turn } = life;
  const entries = [...receipts(life), ...turn.trace, ...deliveries(life)]
    .map((entry, order) => ({ entry, order }))
    .sort((a, b) => a.entry.at - b.entry.at || a.order - b.order)
    .map(({ entry }) => line(entry, paint));
  const before = formatOrigin(life.origin ?? undefined, paint);
  const after = [...effectLine(life, paint), ...closing(turn, paint), ...formatTurnUsage(life.usage, paint)];
  return [header(life, paint), ...before, ...entries, ...after, ...formatTree(life.caused, paint)].join("\n");
}

function header({ turn, session, storyline }: TurnLife, paint: Paint): string {
  const parts = [`turn ${paint.bold(turn.id)}`];
  if (session !== undefined) parts.push(`session ${session.channel}/${oneLine(session.key, 40)}`);
  if (storyline !== undefined && storyline.title !== "")
    parts.push(`storyline "${oneLine(storyline.title, 40)}"`);
  parts.push(
    turn.agentRevision > 0 ? `agent ${turn.agentId}@${turn.agentRevision}` : `agent ${turn.agentId}`,
  );
  return parts.join("  ");
}

function line({ at, what, detail }: TraceEntry, paint: Paint): string {
  const text = `  ${paint.dim(clockTime(at))}  ${what.padEnd(WHAT_WIDTH)}  ${oneLine(detail ?? "", 160)}`;
  return text.trimEnd();
}

function receipts({ turn, messages = [], inbound = [] }: TurnLife): readonly TraceEntry[] {
  const asked = messages.filter((message) => message.role === "user");
  return inbound.flatMap((row, i) => {
    const message = asked[i];
    // Faces of our own carry a random key there, which says nothing to a person.
    const isOurs = row.channel === "api" || row.channel === "terminal";
    const from =
      row.platformId === undefined || isOurs
        ? row.channel
        : `${row.channel} message ${oneLine(row.platformId, 40)}`;
    const said = message === undefined ? "" : ` "${oneLine(textOf(message.parts), 48)}"`;
    const seq = message === undefined ? "" : `seq ${message.seq}`;
    const reserved = i === 0 && turn.reservedMicroUsd > 0 ? `${usd(turn.reservedMicroUsd)} reserved` : "";
    const joined = i === 0 ? "" : "joined the turn";
    return [
      { at: row.receivedAt, what: "received", detail: from + said },
      { at: row.acceptedAt, what: "accepted", detail: [seq, reserved, joined].filter(Boolean).join(", ") },
    ];
  });
}

function deliveries({ outbox = [] }: TurnLife): readonly TraceEntry[] {
  return outbox.map((row) => ({ at: row.endedAt ?? row.createdAt, ...deliveryText(row) }));
}

function deliveryText(row: OutboxRecord): { readonly what: string; readonly detail: string } {
  const { channel, target } = row.address;
  const to = `${channel} ${target}`;
  switch (row.state) {
    case "delivered":
      return {
        what: "delivered",
        detail: row.platformId === undefined ? to : `${channel} message ${row.platformId}`,
      };
    case "unknown":
      return {
        what: "unknown",
        detail: `nobody knows whether it reached ${to}; it is not sent again by itself`,
      };
    case "dead":
      return { what: "dead", detail: `not delivered to ${to}: ${row.error ?? "given up"}` };
    case "pending":
    case "sending": {
      const why = row.error === undefined ? "" : `, after: ${row.error}`;
      return { what: row.state, detail: `${to}, attempt ${row.attempt}${why}` };
    }
  }
}

function effectLine({ effects = [] }: TurnLife, paint: Paint): readonly string[] {
  if (effects.length === 0) return [];
  const at = Math.max(...effects.map((effect) => effect.endedAt ?? effect.createdAt));
  const detail = effects
    .map(
      ({ kind, state, error }) => `${kind} ${state}${error === undefined ? "" : ` (${oneLine(error, 80)})`}`,
    )
    .join(", ");
  return [line({ at, what: "effects", detail }, paint)];
}

/** How it stands, where the lines above do not say it: it waits, it runs, it failed. */
function closing(turn: Turn, paint: Paint): readonly string[] {
  switch (turn.state) {
    case "queued":
      return [`  ${paint.warn("waits")} for its turn.`];
    case "running":
      return [
        `  ${paint.warn("runs")}, attempt ${turn.attempt}${turn.cancelRequested ? ", asked to stop" : ""}.`,
      ];
    case "replied": {
      const took = turn.finishedAt === undefined ? "" : ` in ${duration(turn.finishedAt - turn.createdAt)}`;
      return [
        `  ${paint.good("replied")}${took}${turn.costMicroUsd > 0 ? `, ${usd(turn.costMicroUsd)}` : ""}.`,
      ];
    }
    case "failed":
    case "dead":
      return [
        `  ${paint.bad(turn.state)}: ${oneLine(turn.error?.message ?? "no reason was kept", 400)}${turn.error === undefined ? "" : ` (${turn.error.code})`}`,
      ];
    case "cancelled":
    case "suppressed":
      return [`  ${turn.state}${turn.error === undefined ? "." : `: ${oneLine(turn.error.message, 400)}`}`];
  }
}
