import type {
  Agent,
  Author,
  ClaimedTurn,
  InboundMessage,
  InboundRecord,
  Message,
  NewMessage,
  NewTurn,
  Principal,
  SessionTouch,
  TurnPayload,
  TurnPreview,
  WhileBusy,
} from "@troupe/contracts";
import { NO_USAGE, textOf } from "@troupe/contracts";
import { keptAuthor, sessionIdFrom } from "../kit/index.ts";
import type { InboxDeps, Outlay, Way } from "./deps.ts";
import { isForWhoever, runBy } from "./handed.ts";

/** A message that passed the gates, with the ids and times it would be kept under. */
export interface Draft {
  readonly message: InboundMessage;
  readonly principal: Principal;
  readonly text: string;
  /** As it is kept with the message. */
  readonly author: Author | undefined;
  readonly sessionId: string;
  readonly sessionKey: string;
  readonly turnId: string;
  readonly messageId: string;
  /** The agent that was written to, whose session it is, and the one that answers there. */
  readonly own: Agent;
  readonly runner: Agent;
  /** To whom the session is handed, as far as is known; empty: to nobody. Absent where that is no matter. */
  readonly handedTo: string | undefined;
  readonly whileBusy: WhileBusy;
  readonly outlay: Outlay;
  readonly payload: TurnPayload;
  /** UTC milliseconds; all of one draft share it. */
  readonly at: number;
  /** Until then a gate has put it off; 0 where none has. */
  readonly untilMs: number;
  readonly dueAt: number;
  readonly deadlineAt: number;
}

export function draftOf(
  passed: InboundMessage,
  principal: Principal,
  own: Agent,
  untilMs: number,
  { deps, handed }: Pick<Way, "deps" | "handed">,
): Draft {
  const at = deps.clock.now();
  const turnId = deps.ids.next();
  const message = withDirect(passed, deps);
  const dueAt = Math.max(at + message.debounceMs, untilMs);
  // A stateless call has a session of its own, so that such calls run side by side.
  const sessionKey = message.sessionKey ?? turnId;
  const sessionId = sessionIdOf(message, principal, sessionKey);
  const draft = { message, own, sessionId, at, dueAt };
  return {
    ...draft,
    principal,
    text: textOf(message.parts),
    author: keptAuthor(message.author, message.audience),
    sessionKey,
    turnId,
    messageId: deps.ids.next(),
    payload: payloadOf(message),
    untilMs,
    ...runBy(deps, draft, isForWhoever(message) ? handed.of(sessionId) : undefined),
  };
}

/**
 * A typed command is a call from here on, so that it is a turn of its own: it joins no other, waits for none, costs no model.
 * What somebody waits for the end of is a turn of its own as well, and no command, whatever its text begins with.
 */
function withDirect(message: InboundMessage, { parseCommand }: InboxDeps): InboundMessage {
  if (message.afterEnd !== undefined) return { ...message, debounceMs: 0 };
  const direct = message.direct ?? parseCommand(textOf(message.parts));
  if (direct === undefined) return message;
  const interrupting = direct.interrupts === true ? { whileBusy: "interrupt" as const } : {};
  return { ...message, direct, debounceMs: 0, ...interrupting };
}

export function sessionIdOf(message: InboundMessage, principal: Principal, sessionKey: string): string {
  const { agentId, channel, peerId } = message;
  const { spaceId, id: ownerId } = principal;
  return sessionIdFrom({ spaceId, agentId, channel, ownerId, peerId, key: sessionKey });
}

function payloadOf({
  direct,
  cause,
  afterEnd,
  given,
  instructions,
  maySayNothing,
  maxOutputTokens,
  temperature,
  client,
}: InboundMessage): TurnPayload {
  return {
    ...(direct === undefined ? {} : { direct }),
    ...(cause === undefined ? {} : { cause }),
    ...(afterEnd === undefined ? {} : { afterEnd }),
    ...(given === undefined ? {} : { given }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(maySayNothing === true ? { maySayNothing } : {}),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(client === undefined ? {} : { client }),
  };
}

export function toTouch(draft: Draft): SessionTouch {
  const { message, principal } = draft;
  return {
    id: draft.sessionId,
    spaceId: principal.spaceId,
    agentId: message.agentId,
    channel: message.channel,
    key: draft.sessionKey,
    peerId: message.peerId,
    ownerId: principal.id,
    audience: message.audience,
    stateless: message.sessionKey === undefined,
    at: draft.at,
    count: 1,
    handedTo: draft.handedTo,
  };
}

export function toNewMessage(draft: Draft, turnSeq: number | "same"): NewMessage {
  return {
    id: draft.messageId,
    spaceId: draft.principal.spaceId,
    sessionId: draft.sessionId,
    turnId: draft.turnId,
    turnSeq,
    role: "user",
    parts: draft.message.parts,
    audience: draft.message.audience,
    outcome: "ok",
    createdAt: draft.at,
    fromLast: 0,
    ...(draft.author === undefined ? {} : { author: draft.author }),
  };
}

export function toMessage(draft: Draft, seq: number, turnSeq: number): Message {
  const { fromLast: _, ...message } = toNewMessage(draft, turnSeq);
  return { ...message, seq, turnSeq };
}

export function toPreview(draft: Draft): TurnPreview {
  const { peerId, audience, trigger } = draft.message;
  const { turnId, sessionId, principal, runner } = draft;
  return {
    turnId,
    spaceId: principal.spaceId,
    agentId: runner.spec.id,
    sessionId,
    peerId,
    audience,
    trigger,
    message: toMessage(draft, 0, 0),
  };
}

export function toRecord(draft: Draft): Omit<InboundRecord, "state" | "reason" | "endedAt"> {
  const { message, principal } = draft;
  return {
    id: draft.messageId,
    spaceId: principal.spaceId,
    sessionId: draft.sessionId,
    turnId: draft.turnId,
    channel: message.channel,
    platformId: message.platformId,
    requestHash: message.requestHash,
    principalId: principal.id,
    principalKind: principal.kind,
    replyTo: message.replyTo,
    receivedAt: message.receivedAt,
    acceptedAt: draft.at,
  };
}

export function newTurnOf(draft: Draft, owner: string | undefined): NewTurn {
  return {
    id: draft.turnId,
    spaceId: draft.principal.spaceId,
    agentId: draft.runner.spec.id,
    sessionId: draft.sessionId,
    trigger: draft.message.trigger,
    lane: draft.message.lane,
    payload: draft.payload,
    dueAt: draft.dueAt,
    deadlineAt: draft.deadlineAt,
    reservedMicroUsd: draft.outlay.microUsd,
    createdAt: draft.at,
    owner,
  };
}

/** The turn as the commit left it, so that nothing has to be read back before it runs. */
export function toClaimed(
  draft: Draft,
  kept: { readonly seq: number; readonly created: boolean; readonly epoch: number; readonly owner: string },
): ClaimedTurn {
  const { owner, ...opened } = newTurnOf(draft, kept.owner);
  const { id, spaceId, agentId, channel, key, peerId, ownerId, audience, stateless } = toTouch(draft);
  return {
    turn: {
      ...opened,
      agentRevision: 0,
      turnSeq: kept.seq,
      state: "running",
      attempt: 1,
      epoch: kept.epoch,
      owner,
      inboundCount: 1,
      cancelRequested: false,
      costMicroUsd: 0,
      usage: NO_USAGE,
      error: undefined,
      trace: [],
      finishedAt: undefined,
    },
    inbound: [toMessage(draft, kept.seq, kept.seq)],
    replyTo: draft.message.replyTo,
    principal: { spaceId, kind: draft.principal.kind, id: draft.principal.id },
    session: { id, agentId, channel, key, peerId, ownerId, audience, stateless, isNew: kept.created },
    isTakeover: false,
  };
}
