import { hash } from "node:crypto";
import type { AcceptResult, InboundMessage, Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Face } from "./face.ts";
import type { TurnFollower, TurnSink } from "./turn-follower.ts";

export type Entered = Exclude<AcceptResult, { kind: "refused" }>;

/** A turn that a request waits for. */
export interface Waiting<Sink extends TurnSink> {
  readonly sink: Sink;
  readonly entered: Entered;
  /** The client can write: events reach the sink, an end that is in the record already included. */
  begin(): void;
  /** The answer is out. */
  done(): void;
  /** The client went away before its answer; a turn that is worth nothing without it is cancelled. */
  left(): void;
  /** The connection was closed by us; the turn goes on. */
  letGo(): void;
}

/**
 * Hands the message over, with a fresh sink that watches its turn. Throws what it was refused with. A retry that finds
 * its turn cancelled because the first connection broke starts a new one: nobody else could have had the reply.
 */
export async function enterTurn<Sink extends TurnSink>(
  face: Face,
  principal: Principal,
  message: Omit<InboundMessage, "watch">,
  makeSink: () => Sink,
): Promise<Waiting<Sink>> {
  const first = await attempt(face, principal, message, makeSink());
  if (message.isRetry !== true || message.platformId !== undefined || !isGivenUp(face, first.entered)) {
    return waitingOf(face, message, first);
  }
  first.follower.stop();
  const { isRetry: _, ...anew } = message;
  return waitingOf(face, anew, await attempt(face, principal, anew, makeSink()));
}

interface Attempt<Sink extends TurnSink> {
  readonly sink: Sink;
  readonly follower: TurnFollower;
  readonly entered: Entered;
}

async function attempt<Sink extends TurnSink>(
  face: Face,
  principal: Principal,
  message: Omit<InboundMessage, "watch">,
  sink: Sink,
): Promise<Attempt<Sink>> {
  const follower = face.follower(sink);
  const result = await face.deps.inbox.accept(
    { ...message, watch: follower.listener },
    principal,
    face.lifetime,
  );
  if (result.kind !== "refused") return { sink, follower, entered: result };
  follower.stop();
  const { code, retryAfterMs } = result;
  throw new TroupeError(result.message, {
    code,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs, retryable: true }),
  });
}

function isGivenUp(face: Face, entered: Entered): boolean {
  if (entered.kind !== "duplicate") return false;
  return entered.state === "cancelled" || face.interest.wasGivenUp(entered.turnId);
}

function waitingOf<Sink extends TurnSink>(
  face: Face,
  message: Omit<InboundMessage, "watch">,
  { sink, follower, entered }: Attempt<Sink>,
): Waiting<Sink> {
  const { turnId } = entered;
  // With an idempotency key the client can come back for the reply, so the turn keeps its worth.
  const isWorthless = message.sessionKey === undefined && message.platformId === undefined;
  if (isWorthless) face.interest.enter(turnId);
  let isOver = false;
  /** True when this was the last one who waited for a turn that nobody else can want. */
  const leave = (): boolean => {
    if (isOver) return false;
    isOver = true;
    return isWorthless && face.interest.leave(turnId);
  };
  return {
    sink,
    entered,
    begin() {
      follower.follow(turnId);
      if (entered.kind === "duplicate" && entered.state !== "queued" && entered.state !== "running") {
        void follower.look();
      }
    },
    done: () => void leave(),
    left() {
      follower.stop();
      if (leave()) cancelUnwanted(face, turnId);
    },
    letGo() {
      follower.stop();
      leave();
    },
  };
}

function cancelUnwanted(face: Face, turnId: string): void {
  face.interest.giveUp(turnId);
  face.deps.control
    .cancel(turnId, { reason: "its client went away" }, face.lifetime)
    .catch((error: unknown) => {
      face.deps.logger.warn("gateway.cancel_failed", { turnId, error });
    });
}

/** What a client's retry is known by: the same key, session and body. */
export function requestHashOf(principal: Principal, sessionKey: string | undefined, body: string): string {
  return hash("sha256", `${principal.id}\n${sessionKey ?? ""}\n${body}`, "hex");
}

/**
 * Who reads the reply. Two keys may call different people by the same name, so a key's users are its own: without that,
 * what one application's "u1" told an agent would be found for another's. Source: design §2 rules 7 and 11.
 */
export function readersOf(principal: Principal, peerId: string): readonly string[] {
  return [peerId === principal.id ? peerId : `${principal.id}/${peerId}`];
}
