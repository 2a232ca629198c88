import type { Audience, CallOptions, Job, SessionStore } from "@troupe/contracts";
import { isKnownToAll } from "../kit/index.ts";
import { readersOf, sessionOf } from "./origin-session.ts";

/**
 * Those jobs of one owner of which everyone who reads the answer may hear. An owner may be a whole channel, or a key that many people
 * share, and what a job says is told to those alone who read along when it was written; of one that does not say who they were, to
 * those who hear its runs.
 */
export async function knownTo(
  readers: Audience,
  jobs: readonly Job[],
  sessions: Pick<SessionStore, "get">,
  options: CallOptions,
): Promise<readonly Job[]> {
  const heard = new Map<string, ReturnType<typeof sessionOf>>();
  const isKnown = async (job: Job): Promise<boolean> => {
    if (job.spec.audience !== undefined) return isKnownToAll(job.spec.audience, readers);
    const { sessionId = "" } = job.origin;
    const session = heard.get(sessionId) ?? sessionOf(sessions, job, options);
    heard.set(sessionId, session);
    return isKnownToAll(readersOf(job, await session), readers);
  };
  const known = await Promise.all(jobs.map(isKnown));
  return jobs.filter((_job, at) => known[at]);
}
