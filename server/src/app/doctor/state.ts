import type { StatusReport } from "../status.ts";
import type { Finding } from "./finding.ts";

/** A message is begun within moments; one that waits for so long while Troupe serves waits for something. */
const LONG_WAIT_MS = 5 * 60_000;
const MUCH_MEMORY_BYTES = 700 * 1024 * 1024;

/** A lane that is so far behind has too few places, or something in it that hangs. */
const LONG_LAG_MS = 10 * 60_000;

/** What is wrong in the store's work: what was given up, lanes and messages that need somebody. */
export function checkState(status: StatusReport): readonly Finding[] {
  return [
    checkDeadLetters(status),
    ...checkLanes(status),
    checkFlows(status),
    ...checkWaiting(status),
    ...checkProcessMemory(status),
  ];
}

function checkDeadLetters({ deadLetters: { kinds, latest } }: StatusReport): Finding {
  const base = { name: "Dead letters", how: "read what was given up" };
  const [last] = latest;
  if (last === undefined) return { ...base, verdict: "good", what: "none" };
  const why = last.error === undefined ? "" : ` The latest: ${last.error.replace(/[.!?]$/, "")}.`;
  return {
    ...base,
    verdict: "warning",
    what: kinds.map(({ kind, count }) => `${count.toLocaleString("en-US")} ${kind}`).join(", "),
    remedy: `None is tried again by itself. ./troupe dlq show ${last.id} tells why and what can be done; dlq replay tries again, dlq purge forgets.${why}`,
  };
}

function checkLanes({ lanes, now, phase }: StatusReport): readonly Finding[] {
  if (phase === "not_running") return [];
  const how = "read the work after replies";
  const behind = lanes.filter(({ dueSince = now }) => now - dueSince >= LONG_LAG_MS);
  if (behind.length === 0) return [{ name: "Lanes", how, verdict: "good", what: "none is behind" }];
  return behind.map(({ lane, due, dueSince = now, isLeft }) => ({
    ...{ name: `Lane ${lane}`, how, verdict: "warning" },
    what: `${due.toLocaleString("en-US")} wait, ${Math.floor((now - dueSince) / 60_000)} min behind`,
    remedy: isLeft
      ? `No process works in it: start one with ./troupe up --lanes ${lane}.`
      : `More places: lanes.${lane}.parallel in troupe.yaml, or ./troupe up --concurrency. A model that does not answer is a usual cause.`,
  }));
}

/** Flows that nobody here can go on with: told, since nothing of them fails by itself. */
function checkFlows({ flows: { parked } }: StatusReport): Finding {
  const base = { name: "Flows", how: "read what they wait for" };
  const unknown = parked.find(({ on }) => on === "version");
  if (unknown === undefined) {
    const waiting = parked.reduce((sum, { count }) => sum + count, 0);
    const what = waiting === 0 ? "none waits" : `${waiting.toLocaleString("en-US")} wait`;
    return { ...base, verdict: "good", what };
  }
  return {
    ...base,
    verdict: "warning",
    what: `${unknown.count.toLocaleString("en-US")} wait for a version that is not here`,
    remedy:
      "./troupe flow list --on version names them. Put the definition of that version back into flows/ of the home, or say in the newer one how to go on (migrate), and start Troupe again; or cancel them.",
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
