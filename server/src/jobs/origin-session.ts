import type { CallOptions, Job, Session, SessionStore } from "@troupe/contracts";

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
 * Who hears a run: whoever hears that session; where it is gone, or was not kept, the one whom the owner calls so. Others who are
 * called the same are none of them.
 */
export function readersOf(
  { ownerId, peerId, origin }: Job,
  session: Pick<Session, "audience"> | undefined,
): readonly string[] {
  if (session !== undefined) return session.audience;
  const isOwn = origin.sessionId === undefined || peerId === ownerId;
  return [isOwn ? peerId : `${ownerId}/${peerId}`];
}
