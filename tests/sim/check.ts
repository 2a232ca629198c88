// What must hold when everything has come to rest. Each breach names the rule and what broke it.
import type { InboundState, Message, MessagePart, TurnState } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import type { PlatformArrival } from "../../testing/src/simulator/index.ts";
import { checkEffects } from "./check-effects.ts";
import type { Told } from "./clients.ts";
import type { Kept, KeptTurn } from "./kept.ts";
import { ACT_DONE, NOTE_DONE, type SeenPrompt, tokensIn } from "./script.ts";

/** Everything that is known at the end of a schedule. */
export interface Outcome {
  readonly kept: Kept;
  readonly told: readonly Told[];
  readonly arrived: readonly PlatformArrival[];
  readonly rejected: ReadonlySet<string>;
  readonly doubted: ReadonlySet<string>;
  readonly acts: ReadonlyMap<string, number>;
  readonly prompts: readonly SeenPrompt[];
  /** Live events whose name stood for two things. */
  readonly doubledEvents: ReadonlySet<string>;
  readonly budget: {
    /** As it was found, before anything was reconciled. */
    readonly reservedMicroUsd: number;
    readonly reservedAfterReconcileMicroUsd: number;
    readonly spentMicroUsd: number;
  };
  /** Nothing crashed, stopped or was refused, so not even a reservation may be left behind. */
  readonly wasCalm: boolean;
  /** Nothing took so long that a sender gave up. */
  readonly wasQuick: boolean;
  /** At most so far the clock of a process is from the right time. */
  readonly skewMs: number;
}

/** Clocks of processes differ, and an answer takes a moment. */
const CLOCKS_APART_MS = 2_000;

export type Report = (rule: string, what: string) => void;

export interface Counts {
  messages: number;
  acknowledged: number;
  turns: number;
  replied: number;
  delivered: number;
  unknown: number;
  dead: number;
  effects: number;
  acts: number;
}

/** Calls `report` for each breach and counts what there was. */
export function check(outcome: Outcome, report: Report): Counts {
  checkMessages(outcome, report);
  for (const one of outcome.kept.turns) checkTurn(one, report);
  checkSessions(outcome, report);
  checkDelivery(outcome, report);
  checkTools(outcome, report);
  checkEffects(outcome.kept, report);
  checkMoney(outcome, report);
  checkPrompts(outcome, report);
  for (const name of outcome.doubledEvents) report("live events are named once", name);
  return countsOf(outcome);
}

/** No message is lost, none is taken twice, each has one end, and its sender was told the truth. */
function checkMessages({ kept, told }: Outcome, report: Report): void {
  const records = kept.turns.flatMap((one) => one.inbound);
  const states = new Map(kept.turns.map((one) => [one.turn.id, one.turn.state]));
  for (const record of records) {
    const token = record.platformId ?? record.id;
    if (record.state === "accepted") report("each message has an end", `${token} is left accepted`);
  }
  for (const one of told) {
    const { token } = one.message;
    const mine = records.filter((record) => record.platformId === token);
    if (mine.length > 1)
      report("no message is taken twice", `${token} is in turns ${mine.map((each) => each.turnId)}`);
    if (one.turnIds.size > 1)
      report("no message is taken twice", `${token} was acknowledged as ${[...one.turnIds]}`);
    if (one.messageIds.size > 1)
      report("no message is taken twice", `${token} was accepted ${one.messageIds.size} times`);
    const ownTurn = kept.turns.find(({ turn }) => turn.id === mine[0]?.turnId)?.turn;
    if (one.message.direct !== undefined && ownTurn !== undefined && ownTurn.payload.direct === undefined)
      report(
        "every message is answered",
        `${token} is a direct call and joined turn ${ownTurn.id}, which makes none`,
      );
    const [turnId] = one.turnIds;
    if (turnId !== undefined && mine[0]?.turnId !== turnId)
      report(
        "no message is lost",
        `${token} was acknowledged for turn ${turnId}, kept: ${mine[0]?.turnId ?? "nowhere"}`,
      );
    // An earlier attempt that its sender had given up may still be taken after a later one was refused.
    if (
      one.refused !== undefined &&
      mine.some((record) => record.acceptedAt + CLOCKS_APART_MS < (one.refused?.atMs ?? 0))
    )
      report(
        "a refusal is the truth",
        `${token} was refused (${one.refused.code}) and is kept in turn ${mine[0]?.turnId}`,
      );
    for (const end of one.ends) {
      const state = states.get(end.turnId);
      if (state !== end.state)
        report("watchers are told the truth", `${token}: told ${end.state}, kept ${state}`);
    }
  }
}

const ENDS: Readonly<Record<Exclude<TurnState, "queued" | "running">, InboundState>> = {
  replied: "replied",
  failed: "failed",
  cancelled: "cancelled",
  suppressed: "suppressed",
  dead: "dead",
};

/** A turn ends once, and its rows, messages and record agree. */
export function checkTurn(one: KeptTurn, report: Report): void {
  const { turn, inbound, messages } = one;
  const about = `turn ${turn.id} (${inbound.map((each) => each.platformId).join(" ")})`;
  if (turn.state === "queued" || turn.state === "running") {
    report("every turn ends", `${about} is ${turn.state}`);
    return;
  }
  const [first, ...others] = inbound;
  if (first?.state !== ENDS[turn.state])
    report("rows agree with their turn", `${about} ${turn.state}: first row ${first?.state}`);
  const otherState = turn.state === "replied" ? "merged" : ENDS[turn.state];
  for (const other of others)
    if (other.state !== otherState)
      report("rows agree with their turn", `${about} ${turn.state}: another row ${other.state}`);
  if (turn.inboundCount !== inbound.length)
    report("rows agree with their turn", `${about} counts ${turn.inboundCount}`);
  const asked = messages.filter((message) => message.role === "user");
  if (asked.length !== inbound.length) report("no message is lost", `${about} has ${asked.length} messages`);
  const closing = messages.filter((message) => message.role !== "user");
  const wasRun = turn.attempt > 0;
  if (closing.length !== (wasRun ? 1 : 0))
    report("one answer a turn", `${about} ${turn.state} has ${closing.length} answers`);
  if (turn.state === "replied" && closing[0]?.role !== "assistant")
    report("one answer a turn", `${about} has no answer`);
  // A takeover, or an attempt that broke off and was claimed anew.
  const claims = turn.trace.filter(({ what }) => what === "crash" || what === "again").length;
  if (wasRun && claims !== turn.attempt - 1)
    report("the record tells all", `${about}: attempt ${turn.attempt}, ${claims} further claims told`);
  const closes = turn.trace.filter(
    (entry) => entry.what === "commit" || (!wasRun && entry.what === "cancelled"),
  ).length;
  if (closes !== 1) report("the record tells all", `${about} tells of ${closes} ends`);
  if (turn.state === "replied") checkAnswer(one, about, report);
}

/** The answer is about exactly the messages of its turn. */
function checkAnswer({ turn, messages }: KeptTurn, about: string, report: Report): void {
  const isDirect = turn.payload.direct !== undefined;
  const asked = messages
    .filter((message) => message.role === "user")
    .flatMap((message) => tokensIn(textOf(message.parts)));
  const answered = new Set(
    messages
      .filter((message) => message.role === "assistant")
      .flatMap((message) =>
        message.parts.flatMap((part) => (part.type === "text" ? tokensIn(part.text) : [])),
      ),
  );
  if (isDirect) {
    if (asked.length > 1)
      report("every message is answered", `${about}: ${asked.slice(1)} joined a direct call`);
    return;
  }
  for (const token of asked)
    if (!answered.delete(token)) report("every message is answered", `${about} says nothing to ${token}`);
  if (answered.size > 0)
    report("every message is answered", `${about} answers ${[...answered]}, which are not its own`);
}

/** Sequence numbers have no gaps, and turns ended in the order in which they began. */
export function checkSessions({ kept, told }: Pick<Outcome, "kept" | "told">, report: Report): void {
  const sessions = Map.groupBy(kept.messages, (message) => message.sessionId);
  for (const [sessionId, messages] of sessions) {
    const seqs = messages.map((message) => message.seq).sort((a, b) => a - b);
    if (seqs.some((seq, at) => seq !== at + 1))
      report("order is kept", `session ${sessionId} has numbers ${seqs}`);
    const turns = kept.turns.filter((one) => one.turn.sessionId === sessionId);
    let last = 0;
    for (const { turn, messages: own } of turns) {
      const closing = own.find((message) => message.role !== "user")?.seq;
      if (closing === undefined) continue;
      if (closing < last)
        report("order is kept", `session ${sessionId}: turn ${turn.id} ended before an older one`);
      last = closing;
    }
  }
  const seqOf = new Map<string, number>();
  for (const message of kept.messages)
    if (message.role === "user")
      for (const token of tokensIn(textOf(message.parts))) seqOf.set(token, message.seq);
  for (const [conversation, all] of Map.groupBy(told, (one) => one.conversation)) {
    if (!conversation.isSequential || conversation.key === undefined) continue;
    // One that was never acknowledged may be kept late.
    const seqs = all.filter((one) => one.turnIds.size > 0).map((one) => seqOf.get(one.message.token) ?? 0);
    if (seqs.some((seq, at) => seq < (seqs[at - 1] ?? 0)))
      report("order is kept", `${conversation.key} was kept as ${seqs}`);
  }
}

/** Each reply arrives once, in order, or is listed. */
export function checkDelivery(
  {
    kept,
    arrived,
    rejected,
    doubted,
    wasCalm,
    wasQuick,
  }: Pick<Outcome, "kept" | "arrived" | "rejected" | "doubted" | "wasCalm" | "wasQuick">,
  report: Report,
): void {
  const known = new Map<string, { readonly sessionId: string; readonly turnSeq: number }>();
  for (const { turn, outbox, inbound, messages } of kept.turns) {
    const reply = messages.find((message) => message.role !== "user");
    const isPush = inbound[0]?.replyTo !== undefined;
    const expected = isPush && reply !== undefined ? 1 : 0;
    if (outbox.length !== expected)
      report(
        outbox.length > expected ? "no reply is doubled" : "no reply is lost",
        `turn ${turn.id} has ${outbox.length} replies to deliver`,
      );
    for (const row of outbox) {
      const { channel } = row.address;
      const arrivals = arrived.filter((one) => one.channel === channel && one.key === row.id);
      known.set(row.id, turn);
      const about = `${channel} reply ${row.id} of turn ${turn.id}, ${row.state}, attempt ${row.attempt}`;
      if (arrivals.length > 1) report("no reply is doubled", `${about} arrived ${arrivals.length} times`);
      if (row.state === "delivered" && arrivals.length === 0)
        report("no reply is lost", `${about} never arrived`);
      if (row.state === "unknown" && channel !== "blind") report("only blind sends may be unknown", about);
      if (row.state === "unknown" && wasCalm && wasQuick && !doubted.has(row.id))
        report("doubt needs a reason", about);
      if (row.state === "dead" && !rejected.has(row.id)) report("no reply is lost", `${about}: ${row.error}`);
      if (row.state === "pending" || row.state === "sending") report("every reply is settled", about);
      if (arrivals.some((one) => one.text !== row.text)) report("a reply arrives as it was said", about);
    }
  }
  const invented = arrived.filter((one) => !known.has(one.key));
  if (invented.length > 0) report("no reply is invented", invented.map((one) => one.key).join(" "));
  // One target may show what several conversations have to say, such as the runs of its jobs.
  const conversationOf = ({ channel, target, key }: (typeof arrived)[number]): string =>
    `${channel}/${target} of ${known.get(key)?.sessionId}`;
  const inOrder = arrived.filter((one) => one.channel !== "blind");
  for (const [conversation, arrivals] of Map.groupBy(inOrder, conversationOf)) {
    const order = arrivals.map((one) => known.get(one.key)?.turnSeq ?? -1);
    if (order.some((seq, at) => seq < (order[at - 1] ?? 0)))
      report("order is kept", `${conversation} shows turns ${order}`);
  }
}

/** Transactional tools wrote once for each call that an answer tells of, and acts on the world happened as told. */
function checkTools({ kept, acts }: Outcome, report: Report): void {
  const notes = kept.memories.filter((one) => !one.text.startsWith("effect "));
  if (new Set(notes.map((one) => one.text)).size !== notes.length)
    report("transactional tools write once", `kept for calls ${notes.map((one) => one.text)}`);
  for (const { turn, messages, steps } of kept.turns) {
    const answer =
      turn.state === "replied" ? messages.find((message) => message.role === "assistant") : undefined;
    const told = toldIn(answer?.parts ?? [], turn.payload.direct?.tool);
    const noted = notes.filter((one) => one.turnId === turn.id).length;
    if (noted !== told("note", NOTE_DONE))
      report(
        "transactional tools write once",
        `turn ${turn.id} tells of ${told("note", NOTE_DONE)} notes, ${noted} are kept`,
      );
    const done = steps.filter(
      (step) => step.kind === "result" && step.result.name === "act" && step.result.text === ACT_DONE,
    );
    for (const { n } of done)
      if (acts.get(`${turn.id}/${n}`) !== 1)
        report(
          "acts happen as told",
          `${turn.id}/${n} is kept as done and happened ${acts.get(`${turn.id}/${n}`) ?? 0} times`,
        );
    const intended = actsIntended(messages, turn.payload.direct?.tool);
    const happened = [...acts]
      .filter(([key]) => key.startsWith(`${turn.id}/`))
      .reduce((sum, [, times]) => sum + times, 0);
    if (happened > intended)
      report("acts happen at most once", `turn ${turn.id} wants ${intended} and ${happened} happened`);
    if (told("act", ACT_DONE) > done.length)
      report("acts happen as told", `turn ${turn.id} tells of acts that nobody saw`);
  }
  for (const [key, times] of acts)
    if (times > 1) report("acts happen at most once", `${key} happened ${times} times`);
}

/** Acts that the messages of a turn ask for. */
function actsIntended(messages: readonly Message[], directTool: string | undefined): number {
  if (directTool !== undefined) return directTool === "act" ? 1 : 0;
  const asked = messages.filter((message) => message.role === "user");
  return asked.reduce((sum, message) => sum + (textOf(message.parts).match(/\bact\b/g)?.length ?? 0), 0);
}

/** How often an answer tells of a tool with this result. The reply to a direct call is the result itself. */
function toldIn(
  parts: readonly MessagePart[],
  directTool: string | undefined,
): (tool: string, text: string) => number {
  if (directTool !== undefined)
    return (tool, text) => (tool === directTool && textOf(parts) === text ? 1 : 0);
  return (tool, text) =>
    parts.filter((part) => part.type === "tool-result" && part.name === tool && part.text === text).length;
}

function checkMoney({ kept, budget }: Outcome, report: Report): void {
  const spent = kept.turns.flatMap((one) => one.calls).reduce((sum, call) => sum + call.costMicroUsd, 0);
  if (budget.spentMicroUsd !== spent)
    report("money adds up", `spent ${budget.spentMicroUsd}, recorded ${spent}`);
  for (const { turn, steps } of kept.turns) {
    const journalled = steps.reduce(
      (sum, step) => sum + (step.kind === "model" ? step.output.costMicroUsd : 0),
      0,
    );
    if (turn.costMicroUsd < journalled)
      report("money adds up", `turn ${turn.id} tells ${turn.costMicroUsd}, its journal ${journalled}`);
  }
  const ofTurns = kept.turns.reduce((sum, one) => sum + one.turn.costMicroUsd, 0);
  if (ofTurns !== spent) report("money adds up", `turns tell ${ofTurns}, recorded ${spent}`);
  if (budget.reservedAfterReconcileMicroUsd !== 0)
    report("money adds up", `${budget.reservedAfterReconcileMicroUsd} stay reserved`);
  // Whoever ends a turn frees what all of its attempts reserved, so that nothing waits for a start to be freed.
  if (budget.reservedMicroUsd !== 0)
    report("money adds up", `${budget.reservedMicroUsd} stay reserved until the next start`);
}

/** A prompt shows what was said before, in order, and nothing else. */
function checkPrompts({ kept, prompts, skewMs }: Outcome, report: Report): void {
  const turnOf = new Map<string, KeptTurn>();
  for (const one of kept.turns)
    for (const record of one.inbound) if (record.platformId !== undefined) turnOf.set(record.platformId, one);
  for (const prompt of prompts) {
    const newest = prompt.open.at(-1);
    const own = newest === undefined ? undefined : turnOf.get(newest);
    if (own === undefined) continue;
    // The prompt of a run that did not know yet that its turn had ended elsewhere; nothing comes of it.
    if (prompt.at > (own.turn.finishedAt ?? prompt.at) + skewMs) continue;
    const before = kept.turns.filter(
      ({ turn }) =>
        turn.sessionId === own.turn.sessionId &&
        turn.turnSeq < own.turn.turnSeq &&
        (turn.state === "replied" || turn.state === "cancelled"),
    );
    const expected = before.flatMap((one) => askedIn(one));
    const mine = new Set(askedIn(own));
    const shown = prompt.tokens.filter((token) => !mine.has(token));
    if (shown.join(" ") !== expected.join(" "))
      report("a prompt shows the conversation", `before ${newest}: shown [${shown}], said [${expected}]`);
  }
}

function askedIn({ messages }: KeptTurn): string[] {
  return messages
    .filter((message) => message.role === "user")
    .flatMap((message) => tokensIn(textOf(message.parts)));
}

function countsOf({ kept, told, acts }: Outcome): Counts {
  const rows = kept.turns.flatMap((one) => one.outbox);
  const inState = (state: string): number => rows.filter((row) => row.state === state).length;
  return {
    messages: told.length,
    acknowledged: told.filter((one) => one.turnIds.size > 0).length,
    turns: kept.turns.length,
    replied: kept.turns.filter((one) => one.turn.state === "replied").length,
    delivered: inState("delivered"),
    unknown: inState("unknown"),
    dead: inState("dead"),
    effects: kept.turns.flatMap((one) => one.effects).length,
    acts: [...acts.values()].reduce((sum, times) => sum + times, 0),
  };
}
