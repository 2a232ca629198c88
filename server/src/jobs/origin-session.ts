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
