import { isDeepStrictEqual } from "node:util";
import type { Agent, AgentDirectory, AgentSpec, CallOptions, Clock, Stores } from "@troupe/contracts";
import type { Config } from "./config/index.ts";

/** The agents in memory. A swap replaces all of them at once; whoever holds one keeps it. */
export interface SwappableAgents extends AgentDirectory {
  swap(agents: readonly Agent[]): void;
  /** How many there are, over all spaces. */
  readonly size: number;
}

export function createAgentDirectory(): SwappableAgents {
  let bySpace = new Map<string, Map<string, Agent>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    get: (spaceId, agentId) => bySpace.get(spaceId)?.get(agentId),
    list: (spaceId) => [...(bySpace.get(spaceId)?.values() ?? [])],
    swap(agents) {
      const next = new Map<string, Map<string, Agent>>();
      for (const agent of agents) {
        let space = next.get(agent.spaceId);
        if (space === undefined) {
          space = new Map();
          next.set(agent.spaceId, space);
        }
        space.set(agent.spec.id, agent);
      }
      bySpace = next;
      size = agents.length;
    },
  };
}

/** The agent with what troupe.yaml says of all turns filled in. Not kept: a changed default is no new revision. */
export function withTurnDefaults(agent: Agent, turns: Config["turns"]): Agent {
  const { whileBusy, deadlineSeconds, maxSteps } = turns;
  return { ...agent, spec: { whileBusy, deadlineMs: deadlineSeconds * 1000, maxSteps, ...agent.spec } };
}

/**
 * Brings the table of agents to what the files say, in one commit: a changed blueprint gets its next revision, one whose
 * file is gone is hidden. Nothing is written where nothing changed. Resolves with the agents as kept.
 */
export async function importAgents(
  deps: { readonly stores: Pick<Stores, "unit" | "agents">; readonly clock: Clock },
  spaceId: string,
  specs: readonly AgentSpec[],
  options: CallOptions,
): Promise<readonly Agent[]> {
  const { stores, clock } = deps;
  const kept = new Map((await stores.agents.list(spaceId, options)).map((agent) => [agent.spec.id, agent]));
  const named = new Set(specs.map((spec) => spec.id));
  const changed = specs.filter((spec) => !isDeepStrictEqual(kept.get(spec.id)?.spec, spec));
  const gone = [...kept.keys()].filter((id) => !named.has(id));
  const now = clock.now();
  const revisions = new Map([...kept].map(([id, agent]) => [id, agent.revision]));
  const puts = changed.map((spec) => ({ spec, write: stores.agents.put(spaceId, spec, now) }));
  const retirements = gone.map((id) => stores.agents.retire(spaceId, id, now));
  if (puts.length + retirements.length > 0) {
    const committed = await stores.unit.commit([...puts.map(({ write }) => write), ...retirements], options);
    for (const { spec, write } of puts) revisions.set(spec.id, committed.read(write).revision);
  }
  // The files' own objects, so that thousands of agents are not held twice.
  return specs.map((spec) => ({ spaceId, spec, revision: revisions.get(spec.id) ?? 1 }));
}
