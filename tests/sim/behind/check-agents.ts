// Agents among themselves: asked once, answered once, told once; no pair past its bound; nothing goes on after a STOP.
import type { AgentGather } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import type { Report } from "../check.ts";
import type { KeptTurn } from "../kept.ts";
import type { BehindOutcome } from "./check.ts";
import { MAX_HOPS, SWEEP_MS } from "./composition.ts";
import { answerTo, wordsIn } from "./model.ts";

export function checkAgents(outcome: BehindOutcome, report: Report): void {
  const { kept, told } = outcome;
  for (const { messageId, to, state } of kept.deliveries)
    if (state === "waiting" || state === "activated")
      report("every message between agents ends", `${messageId} to ${to} is ${state}`);
  checkAsked(outcome, report);
  for (const gather of kept.gathers) checkGather(outcome, gather, report);
  checkWords(outcome, report);
  checkGuard(outcome, report);
  for (const [rootTurnId, atMs] of told.stops) checkStop(outcome, rootTurnId, atMs, report);
}

/** A question that was done with has its one answer. */
function checkAsked({ kept }: BehindOutcome, report: Report): void {
  const answers = Map.groupBy(
    kept.said.filter(({ kind }) => kind === "answer"),
    ({ correlationId }) => correlationId,
  );
  for (const [id, some] of answers)
    if (some.length > 1) report("a question is answered once", `${id} has ${some.length} answers`);
  for (const { messageId, kind, state } of kept.deliveries) {
    if (kind !== "ask" || state !== "done") continue;
    if (!answers.has(messageId))
      report("a question is answered once", `${messageId} is done without an answer`);
  }
}

/** What was asked comes to its end, and the asker learns of it once: in its own turn, or in one made for that. */
function checkGather({ kept }: BehindOutcome, gather: AgentGather, report: Report): void {
  const { id, state, turnId, total } = gather;
  if (state === "awaited" || state === "open") {
    report("what was asked comes to an end", `${id} is ${state}`);
    return;
  }
  const deliveries = kept.deliveries.filter(({ gatherId }) => gatherId === id);
  if (deliveries.length !== total)
    report("what was asked comes to an end", `${id} has ${deliveries.length} questions of ${total}`);
  const telling = kept.turns.filter(({ inbound }) => inbound[0]?.platformId === id);
  const asker = kept.turns.find(({ turn }) => turn.id === turnId);
  const answers = kept.said.filter(
    ({ kind, correlationId }) =>
      kind === "answer" && deliveries.some(({ messageId }) => messageId === correlationId),
  );
  const inTurn =
    asker?.turn.state === "replied" &&
    hasTaken(
      asker,
      answers.map(({ text }) => text),
    );
  const times = telling.length + (inTurn === true ? 1 : 0);
  if (telling.length > 1 || (times > 1 && answers.length > 0))
    report(
      "answers are told once",
      `${id} (${state}), asked in turn ${turnId}, was told ${times} times: ${telling.map(({ turn }) => `in turn ${turn.id}`)}`,
    );
  if (state === "told" && times === 0 && answers.length > 0)
    report("answers are told once", `${id} is told, and nobody was`);
}

/** Whether the answers stand among the results that a turn's tools gave. */
function hasTaken({ messages }: KeptTurn, answers: readonly string[]): boolean {
  const results = messages.flatMap(({ parts }) =>
    parts.flatMap((part) =>
      part.type === "tool-result" && part.name.startsWith("ask_agent") ? [part.text] : [],
    ),
  );
  return answers.length > 0 && answers.some((text) => results.some((result) => result.includes(text)));
}

/** Each word is read by one turn, but for those of turns that failed and were tried again, and its answer names it. */
function checkWords({ kept, plan, told }: BehindOutcome, report: Report): void {
  const readers = new Map<string, KeptTurn[]>();
  for (const one of kept.turns)
    for (const message of one.messages)
      if (message.role === "user")
        for (const word of wordsIn(textOf(message.parts)))
          readers.set(word, [...(readers.get(word) ?? []), one]);
  const mayLoop = new Set([...plan.agents.words.keys()].filter((word) => isInLoop(plan, word)));
  const repeated = askedAgain(plan, kept.turns);
  for (const [word, turns] of readers) {
    if (!word.startsWith("q") || mayLoop.has(word) || repeated.has(word)) continue;
    const good = turns.filter(({ turn }) => turn.state === "replied");
    if (good.length > 1)
      report("a message is read once", `${word} by turns ${good.map(({ turn }) => turn.id)}`);
    for (const { turn, messages } of good) {
      const said = messages
        .filter(({ role }) => role === "assistant")
        .map(({ parts }) => textOf(parts))
        .join(" ");
      if (!said.split(" ").includes(answerTo(word)))
        report("every message is answered", `turn ${turn.id} says nothing to ${word}`);
    }
  }
  for (const [word, turnId] of told.words)
    if (!readers.get(word)?.some(({ turn }) => turn.id === turnId))
      report("no message is lost", `${word} was acknowledged for turn ${turnId}`);
}

/** What is said because of a word whose turn failed is said again when another turn reads that word. */
function askedAgain({ agents }: BehindOutcome["plan"], turns: readonly KeptTurn[]): ReadonlySet<string> {
  const failed = turns.filter(({ turn }) => turn.state === "failed");
  const words = failed.flatMap(({ messages }) =>
    messages.flatMap(({ role, parts }) => (role === "user" ? wordsIn(textOf(parts)) : [])),
  );
  const found = new Set<string>();
  const walk = (word: string): void => {
    for (const act of agents.words.get(word) ?? [])
      for (const next of act.kind === "send" ? [act.to.word] : act.of.map((asked) => asked.word)) {
        if (found.has(next)) continue;
        found.add(next);
        walk(next);
      }
  };
  for (const word of words) walk(word);
  return found;
}

function isInLoop({ agents }: BehindOutcome["plan"], word: string): boolean {
  const seen = new Set<string>();
  const walk = (one: string): boolean => {
    if (seen.has(one)) return one === word;
    seen.add(one);
    return (agents.words.get(one) ?? []).some((act) =>
      act.kind === "send" ? walk(act.to.word) : act.of.some((asked) => walk(asked.word)),
    );
  };
  return walk(word);
}

/**
 * The window is longer than a schedule, so a pair had no more turns for one person than its bound; and no chain is longer than
 * its own.
 */
function checkGuard({ kept, plan }: BehindOutcome, report: Report): void {
  const turns = kept.turns.filter(({ turn }) => turn.trigger === "agent");
  const pairs = Map.groupBy(turns, ({ turn, messages }) => {
    const pair = [turn.agentId, turn.payload.cause?.from?.agentId ?? ""].toSorted().join(" and ");
    return `${pair} for ${messages[0]?.audience.join()}`;
  });
  for (const [pair, some] of pairs)
    if (some.length > plan.agents.loopMax)
      report("the loop guard holds", `${pair} had ${some.length} turns of ${plan.agents.loopMax}`);
  for (const { turn } of turns)
    if ((turn.payload.cause?.depth ?? 0) >= MAX_HOPS)
      report("the loop guard holds", `turn ${turn.id} is number ${turn.payload.cause?.depth} of its chain`);
}

/** Time in which a process learns of a stop at the latest: a sweep, what it slept, and what the store took. */
const LEARNS_MS = 2 * SWEEP_MS;

/** Soon after a stop was acknowledged nothing of its chain goes on. */
function checkStop(outcome: BehindOutcome, rootTurnId: string, atMs: number, report: Report): void {
  const { kept, seen, plan } = outcome;
  const { stopMs, slowMs } = plan.faults;
  const untilMs = atMs + LEARNS_MS + stopMs[1] + 2 * slowMs;
  for (const { turn } of kept.turns) {
    const isOfChain = turn.id === rootTurnId || turn.payload.cause?.rootTurnId === rootTurnId;
    if (!isOfChain || turn.state !== "replied") continue;
    const beganMs = seen.turnBegins.get(turn.id) ?? 0;
    const endedMs = seen.turnEnds.get(turn.id) ?? 0;
    if (beganMs > atMs)
      report(
        "a stop reaches all",
        `turn ${turn.id} of chain ${rootTurnId} began ${Math.round(beganMs - atMs)} ms after it and replied`,
      );
    else if (endedMs > untilMs)
      report(
        "a stop reaches all",
        `turn ${turn.id} of chain ${rootTurnId} replied ${Math.round(endedMs - atMs)} ms after it`,
      );
  }
}
