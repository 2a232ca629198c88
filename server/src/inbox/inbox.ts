import type {
  AcceptResult,
  Admission,
  Audience,
  CallOptions,
  Inbox,
  RunningTurn,
  TurnFeed,
  TurnStore,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { untilAborted } from "../kit/index.ts";
import { atLimit } from "./at-limit.ts";
import { createBursts } from "./bursts.ts";
import type { InboxDeps, Way } from "./deps.ts";
import type { Draft } from "./draft.ts";
import {
  draftOf,
  newTurnOf,
  toClaimed,
  toMessage,
  toNewMessage,
  toPreview,
  toRecord,
  toTouch,
} from "./draft.ts";
import { withFiles } from "./files.ts";
import { createHanded, handedAnew } from "./handed.ts";
import { gateByHooks } from "./hooks.ts";
import { duplicateOf, findRetry, joinKnown } from "./known.ts";
import { passGates } from "./pass-gates.ts";
import { refuse, refuseFull } from "./refusals.ts";

/** Times a commit is tried anew because the turn it wanted to join ended meanwhile. */
const JOIN_TRIES = 3;
/** Times a budget is tried: there may be room after all, or a cheaper model. */
const BUDGET_TRIES = 4;

/** Builds the `Inbox`: see the port for what it promises. */
export function createInbox(deps: InboxDeps): Inbox {
  const bursts = createBursts(deps.clock);
  const handed = createHanded();
  const outcomes = deps.metrics.counter(
    "inbox_messages_total",
    "Inbound messages by what became of them at the way in",
  );

  return {
    async accept(original, principal, options) {
      options.signal.throwIfAborted();
      const agent = deps.agents.get(principal.spaceId, original.agentId);
      if (agent === undefined) {
        return {
          kind: "refused",
          code: "request.not_found",
          message: `There is no agent "${original.agentId.slice(0, 64)}" here.`,
        };
      }
      const passed = passGates(deps.gates, original, principal, deps.logger);
      if (passed.kind === "refused") return refuse(deps, outcomes, original, principal, passed);
      const known = await findRetry(deps, passed.message, principal, options);
      if (known !== undefined) return duplicateOf(deps, outcomes, known, original, options);

      const gated = await gateByHooks(deps, passed.message, agent, principal, options);
      if (gated.kind === "refused") return refuse(deps, outcomes, original, principal, gated);
      const whole = await withFiles(deps, gated.message, principal, options);
      if (whole.kind === "refused") return refuse(deps, outcomes, original, principal, whole);
      const way = { deps, bursts, handed, outcomes };
      return enter(way, draftOf(whole.message, principal, agent, passed.untilMs, way), options);
    },
  };
}

/** Finds the message a turn: joins one that collects a burst or runs, or opens its own. */
async function enter(way: Way, first: Draft, options: CallOptions): Promise<AcceptResult> {
  const { deps } = way;
  let draft = first;
  let refusals = 0;
  for (let attempt = 1; ; attempt++) {
    const mayJoin = attempt < JOIN_TRIES;
    for (
      let kept = way.bursts.underWay(draft);
      mayJoin && kept !== undefined;
      kept = way.bursts.underWay(draft)
    )
      await untilAborted(kept, options.signal);
    const burst = mayJoin ? way.bursts.of(draft) : undefined;
    try {
      if (burst !== undefined) return await joinBurst(way, draft, burst, options);
      const asked = admitted(deps, draft, options);
      const admission = asked instanceof Promise ? await asked : asked;
      if (admission.kind === "full") return refuseFull(way, draft, admission.retryAfterMs);
      const running = mayJoin ? steeredBy(draft, admission) : undefined;
      if (running !== undefined) return await steer(way, draft, running, options);
      return await way.bursts.opening(draft, () => open(way, draft, admission, options));
    } catch (error) {
      if (TroupeError.is(error, "store.duplicate")) return joinKnown(way, draft, options);
      if (TroupeError.is(error, "budget.exceeded")) {
        refusals += 1;
        const next = await atLimit(way, draft, { ...options, isLast: refusals === BUDGET_TRIES });
        if (next.kind === "end") return next.result;
        draft = next.draft;
        continue;
      }
      if (!TroupeError.is(error, "store.conflict") || !mayJoin) throw error;
      draft = (await handedAnew(way, draft, options)) ?? draft;
      // The turn it wanted to join ended in between; look again.
      way.bursts.forget(draft.sessionId);
    }
  }
}

/** Whether a turn of its own may run at once, and which it meets in the session, in whatever process that runs. */
function admitted({ intake }: InboxDeps, draft: Draft, options: CallOptions): Admission | Promise<Admission> {
  const admission = intake.admit(draft.sessionId, draft.message.lane);
  const isKnown =
    admission.kind === "full" || (admission.kind === "queue" && admission.running !== undefined);
  if (draft.whileBusy === "queue" || isKnown || intake.running === undefined) return admission;
  return meet(intake.running(draft.sessionId, options), admission);
}

async function meet(
  asked: Promise<RunningTurn | undefined>,
  admission: Exclude<Admission, { kind: "full" }>,
): Promise<Admission> {
  let isTaken = false;
  try {
    const running = await asked;
    if (running === undefined) {
      isTaken = true;
      return admission;
    }
    return { kind: "queue", running };
  } finally {
    if (!isTaken && admission.kind === "run") admission.ticket.release();
  }
}

/** The running turn that a message joins; undefined where it is to be a turn of its own. */
function steeredBy(draft: Draft, admission: Admission): RunningTurn | undefined {
  if (draft.whileBusy !== "steer" || admission.kind !== "queue" || admission.running === undefined)
    return undefined;
  // A job, flow or agent gets that turn's answer, and the writer would get none, or one that was meant for the inbox.
  if (admission.running.isAwaited) return undefined;
  // What a message asks beside its words (a call without a model, tools of its own, a shorter answer) holds for its own
  // turn alone: joined to another, it would be dropped without a word.
  if (Object.keys(draft.payload).length > 0) return undefined;
  // What the turn recalled is known to its own readers alone, and to nobody who came since.
  return isSame(admission.running.audience, draft.message.audience) ? admission.running : undefined;
}

/** Audiences are sorted and without repeats. */
function isSame(one: Audience, other: Audience): boolean {
  return one.length === other.length && one.every((reader, at) => reader === other[at]);
}

async function open(
  way: Way,
  draft: Draft,
  admission: Exclude<Admission, { kind: "full" }>,
  options: CallOptions,
): Promise<AcceptResult> {
  const { deps } = way;
  const ticket = admission.kind === "run" && draft.dueAt <= draft.at ? admission.ticket : undefined;
  if (admission.kind === "run" && ticket === undefined) admission.ticket.release();
  // From before the commit, so that no event is missed; let go again when nothing comes of it.
  const watch =
    draft.message.watch === undefined ? undefined : deps.feed.subscribe(draft.turnId, draft.message.watch);
  let started = false;
  try {
    const touched = deps.sessions.touch(toTouch(draft));
    const opened = deps.turns.open(newTurnOf(draft, ticket === undefined ? undefined : deps.processId));
    const appended = deps.sessions.append(toNewMessage(draft, "same"));
    // Whether it is known already comes before what it may cost: a repeat is told of its turn, however the budget stands.
    const writes: Write<unknown>[] = [
      deps.inbox.accept(toRecord(draft)),
      ...(draft.message.guards ?? []),
      touched,
      ...reserveWrites(deps, draft),
      opened,
      appended,
    ];
    const committing = deps.unit.commit(writes, options);
    // Of a conversation that was handed over, its agent of now sees less than the view at hand shows.
    if (draft.message.direct === undefined && draft.runner === draft.own) ticket?.prepare(toPreview(draft));
    const committed = await committing;
    started = true;
    const { lastSeq, created } = committed.read(touched);
    const { state, epoch } = committed.read(opened);
    way.outcomes.add(1, { outcome: "accepted" });
    if (ticket !== undefined && state === "running") {
      ticket.start(toClaimed(draft, { seq: lastSeq, created, epoch, owner: deps.processId }));
    } else {
      ticket?.release();
      if (draft.message.debounceMs > 0) way.bursts.opened(draft, lastSeq);
      deps.intake.wake(draft.sessionId, draft.message.lane, draft.dueAt);
      if (admission.kind === "queue" && admission.running !== undefined && draft.whileBusy === "interrupt") {
        await interrupt(deps, admission.running, options);
      }
    }
    return accepted(deps, draft, lastSeq, state);
  } catch (error) {
    if (!started) {
      watch?.[Symbol.dispose]();
      ticket?.release();
    }
    throw error;
  }
}

async function joinBurst(
  way: Way,
  draft: Draft,
  burst: { readonly turnId: string; readonly turnSeq: number; readonly dueAt: number },
  options: CallOptions,
): Promise<AcceptResult> {
  const { deps } = way;
  const joined = { ...draft, turnId: burst.turnId };
  const seq = await commitJoin(
    deps,
    joined,
    { id: burst.turnId, state: "queued", dueAt: burst.dueAt },
    burst.turnSeq,
    options,
  );
  watchNow(deps.feed, joined);
  way.bursts.extended(draft);
  way.outcomes.add(1, { outcome: "merged" });
  return accepted(deps, joined, seq, "merged");
}

async function steer(
  way: Way,
  draft: Draft,
  running: RunningTurn,
  options: CallOptions,
): Promise<AcceptResult> {
  const { deps } = way;
  const joined = { ...draft, turnId: running.turnId };
  const join = { id: running.turnId, state: "running", epoch: running.epoch } as const;
  const seq = await commitJoin(deps, joined, join, running.turnSeq, options);
  watchNow(deps.feed, joined);
  deps.intake.steer(running.turnId, toMessage(joined, seq, running.turnSeq));
  way.outcomes.add(1, { outcome: "steered" });
  return accepted(deps, joined, seq, "steered");
}

async function commitJoin(
  deps: InboxDeps,
  joined: Draft,
  join: Parameters<TurnStore["join"]>[0],
  turnSeq: number,
  options: CallOptions,
): Promise<number> {
  // Whoever runs the turn that it joins answers it.
  const touched = deps.sessions.touch({ ...toTouch(joined), handedTo: undefined });
  const writes = [
    deps.turns.join(join),
    touched,
    deps.sessions.append(toNewMessage(joined, turnSeq)),
    deps.inbox.accept(toRecord(joined)),
    ...(joined.message.guards ?? []),
  ];
  const committed = await deps.unit.commit(writes, options);
  return committed.read(touched).lastSeq;
}

/** The newer message is kept already, so a failure to stop the older turn only means that it waits. */
async function interrupt(deps: InboxDeps, running: RunningTurn, options: CallOptions): Promise<void> {
  try {
    await deps.control.cancel(running.turnId, { reason: "a newer message interrupted it" }, options);
  } catch (error) {
    deps.logger.warn("inbox.interrupt_failed", { turnId: running.turnId, error });
  }
}

function reserveWrites(deps: InboxDeps, draft: Draft): Write<unknown>[] {
  const { microUsd, budgets } = draft.outlay;
  // What costs nothing is no matter of the budget: a command is answered although the day's is spent.
  if (microUsd === 0) return [];
  return [deps.ledger.reserve({ holder: draft.turnId, microUsd, accounts: budgets })];
}

function accepted(
  deps: InboxDeps,
  { turnId, sessionId, messageId }: Draft,
  seq: number,
  position: "running" | "queued" | "merged" | "steered",
): AcceptResult {
  deps.onKept?.({ sessionId, turnId });
  return { kind: "accepted", turnId, messageId, sessionId, seq, position };
}

function watchNow(feed: TurnFeed, draft: Draft): void {
  if (draft.message.watch !== undefined) feed.subscribe(draft.turnId, draft.message.watch);
}
