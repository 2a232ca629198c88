// The shared store as one process sees it: over a way that takes time, and that sometimes gives nothing.
import type { Stores } from "@troupe/contracts";
import { createSimulatedUnit, withRemoteReads } from "../../../testing/src/simulator/index.ts";
import type { BehindDeps } from "./composition.ts";

/** Every read that what runs behind the reply makes. */
const READS = {
  sessions: ["get", "list", "messages", "history", "find"],
  storylines: ["ofSession"],
  turns: ["get", "steps", "inbound", "list", "nextDue", "outlook"],
  inbox: ["find", "ofTurn", "counts"],
  outbox: ["ofTurn", "list", "nextDue"],
  effects: ["ofTurn", "nextDue", "parked", "backlog"],
  ledger: ["accounts", "callsOfTurn"],
  memories: ["list", "find"],
  jobs: ["get", "list", "runs", "needs"],
  jobRuns: ["stuck", "untilDueMs"],
  flows: ["get", "list", "children", "history", "nextDue"],
  flowSignals: ["get", "matches"],
  agentChannels: ["get", "members", "message", "messages"],
  agentDeliveries: ["delivery", "ofBatch", "ofGather", "findGather", "ofTurn"],
} as const satisfies { readonly [Name in keyof Stores]?: readonly (keyof Stores[Name] & string)[] };

export function remoteStores(deps: BehindDeps): Stores {
  const { process, faults, plan, mutation, commit } = deps;
  const own = mutation?.stores?.(deps.stores) ?? deps.stores;
  const apply = mutation?.apply;
  const unit = createSimulatedUnit({
    ...{ process, faults, keepsOrder: plan.keepsCommitOrder },
    apply: apply === undefined ? commit : (writes) => apply(writes, commit),
  });
  const remote: Record<string, unknown> = { ...own, unit };
  for (const [name, reads] of Object.entries(READS))
    remote[name] = withRemoteReads(deps, name, own[name as keyof typeof READS] as object, reads as never);
  return remote as unknown as Stores;
}
