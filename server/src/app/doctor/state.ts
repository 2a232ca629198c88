import type { StatusReport } from "../status.ts";
import type { Finding } from "./finding.ts";

/** A message is begun within moments; one that waits for so long while Troupe serves waits for something. */
const LONG_WAIT_MS = 5 * 60_000;
const MUCH_MEMORY_BYTES = 700 * 1024 * 1024;

/** What is wrong in the store's work: replies, effects and messages that need somebody. */
export function checkState(status: StatusReport): readonly Finding[] {
  return [checkReplies(status), checkEffects(status), ...checkWaiting(status), ...checkProcessMemory(status)];
}

function checkReplies({ outbox, unsent }: StatusReport): Finding {
  const base = { name: "Replies", how: "read the outbox" };
  const { unknown, dead } = outbox;
  if (unknown.count + dead.count === 0)
    return { ...base, verdict: "good", what: "none is lost, none is uncertain" };
  const [last] = unsent;
  const turn = last === undefined ? "" : ` ./troupe turn show ${last.turnId} tells of the latest.`;
  return {
    ...base,
    verdict: "warning",
    what: `${counted(dead)} could not be delivered, ${counted(unknown)} may or may not have arrived`,
    remedy: `None is sent again by itself, so that nobody is told twice.${turn}`,
  };
}

function checkEffects({ effects, failedEffects }: StatusReport): Finding {
  const base = { name: "Effects", how: "read the work after replies" };
  const { dead, parked } = effects;
  if (dead.count + parked.count === 0) return { ...base, verdict: "good", what: "none was given up" };
  const [last] = failedEffects;
  const why = last === undefined ? "" : ` The latest, ${last.kind}: ${last.error ?? "no reason was kept"}.`;
  return {
    ...base,
    verdict: "warning",
    what: `${counted(dead)} given up, ${counted(parked)} of a kind that this version does not know`,
    remedy: `Conversations go on without them; a later summary brings what a lost one would have.${why}`,
  };
}

function checkWaiting({ messages, now, phase }: StatusReport): readonly Finding[] {
  const { oldestAcceptedAt } = messages;
  const base = { name: "Messages", how: "read the oldest that waits" };
  if (oldestAcceptedAt === undefined) return [{ ...base, verdict: "good", what: "none waits" }];
  const minutes = Math.floor((now - oldestAcceptedAt) / 60_000);
  const waiting = `${(messages.states.accepted ?? 0).toLocaleString("en-US")} wait, the oldest for ${minutes} min`;
  if (phase === "not_running") {
    const remedy = "They are kept, and answered when it starts: ./troupe up";
    return [{ ...base, verdict: "warning", what: `${waiting}, and Troupe does not run`, remedy }];
  }
  if (now - oldestAcceptedAt < LONG_WAIT_MS) return [{ ...base, verdict: "good", what: waiting }];
  const remedy =
    "./troupe turn list --state queued,running names them; a model that does not answer is the usual cause.";
  return [{ ...base, verdict: "warning", what: waiting, remedy }];
}

function checkProcessMemory({ phase, process: { rssBytes, pid } }: StatusReport): readonly Finding[] {
  if (phase === "not_running") return [];
  const base = { name: "Process memory", how: `asked process ${pid}` };
  const what = `${Math.round(rssBytes / 1e6).toLocaleString("en-US")} MB`;
  if (rssBytes < MUCH_MEMORY_BYTES) return [{ ...base, verdict: "good", what }];
  const remedy =
    "More than a thousand turns at once need. Restarting loses nothing; if it grows again, please report it.";
  return [{ ...base, verdict: "warning", what, remedy }];
}

function counted({ count, isMore }: { readonly count: number; readonly isMore: boolean }): string {
  return `${count}${isMore ? " or more" : ""}`;
}
