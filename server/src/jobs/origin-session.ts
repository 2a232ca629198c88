import {
  type CallOptions,
  INBOX_CHANNEL,
  type Job,
  type Session,
  type SessionStore,
} from "@troupe/contracts";
import { peerNameOn } from "../kit/index.ts";

/** The session where a job was asked for, while it is there. */
export async function sessionOf(
  sessions: Pick<SessionStore, "get">,
  job: Job,
  options: CallOptions,
): Promise<Session | undefined> {
  const { sessionId } = job.origin;
  if (sessionId === undefined) return undefined;
  const session = await sessions.get(sessionId, options);
  return session?.spaceId === job.spaceId && !session.stateless ? session : undefined;
}

/**
 * Who hears a run: whoever hears that session; without one, whoever is at the address that it speaks to. Where the session is gone, or
 * was not kept, the one whom the owner calls so; others who are called the same are none of them.
 */
export function readersOf(
  { ownerId, peerId, origin, spec: { deliverTo } }: Job,
  session: Pick<Session, "audience"> | undefined,
): readonly string[] {
  if (session !== undefined) return session.audience;
  if (typeof deliverTo === "object") {
    const { channel, target } = deliverTo;
    return [channel === INBOX_CHANNEL ? target : peerNameOn(channel, target)];
  }
  const isOwn = origin.sessionId === undefined || peerId === ownerId;
  return [isOwn ? peerId : `${ownerId}/${peerId}`];
}
