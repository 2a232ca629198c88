// What people ask of agents and agents of one another, as words: each word stands for what the agent that reads it does.
import type { Random } from "../../../testing/src/simulator/index.ts";
import type { Delivery } from "./plan.ts";

export const AGENT_IDS = ["ana", "bo", "cy", "di"] as const;
export type AgentId = (typeof AGENT_IDS)[number];

export interface Asked {
  readonly agent: AgentId;
  readonly word: string;
}

/** One thing that an agent does before it answers. */
export type AgentAct =
  | { readonly kind: "ask"; readonly of: readonly Asked[]; readonly first?: number; readonly waits: boolean }
  | { readonly kind: "send"; readonly to: Asked };

export interface PlannedTalk {
  readonly key: string;
  readonly channel: Delivery;
  readonly words: readonly {
    readonly word: string;
    readonly atMs: number;
    /** A person stops all of it so long after it was acknowledged. */
    readonly stopAfterMs: number | undefined;
  }[];
}

export interface AgentPlan {
  readonly talks: readonly PlannedTalk[];
  /** What whoever reads a word does, in order. */
  readonly words: ReadonlyMap<string, readonly AgentAct[]>;
  /** Bound of the loop guard. */
  readonly loopMax: number;
}

export function planAgents(random: Random): AgentPlan {
  const words = new Map<string, readonly AgentAct[]>();
  const word = (reader: AgentId, depth: number): string => {
    const name = `q${words.size + 1}`;
    words.set(name, []);
    const others = AGENT_IDS.filter((id) => id !== reader);
    const count = depth === 0 ? random.int(1, 2) : random.chance(0.35 - depth * 0.1) ? 1 : 0;
    const acts = Array.from({ length: count }, () => act(others, depth));
    words.set(name, acts);
    return name;
  };
  const act = (others: readonly AgentId[], depth: number): AgentAct => {
    const asked = (agent: AgentId): Asked => ({ agent, word: word(agent, depth + 1) });
    if (random.chance(0.3)) return { kind: "send", to: asked(random.pick(others)) };
    const of = random.chance(0.5) ? [asked(random.pick(others))] : others.map(asked);
    const isFirst = of.length > 1 && random.chance(0.4);
    return {
      ...{ kind: "ask", of, waits: random.chance(0.5) },
      ...(isFirst ? { first: random.int(1, of.length - 1) } : {}),
    };
  };
  const talks = Array.from({ length: random.int(1, 2) }, (_, at): PlannedTalk => {
    const isLoop = random.chance(0.12);
    return {
      key: `talk${at}`,
      channel: random.pick(["keyed", "verifiable", "blind"] as const),
      words: Array.from({ length: isLoop ? 1 : random.int(1, 2) }, () => ({
        word: isLoop ? loopIn(words) : word("ana", 0),
        atMs: random.int(0, 6_000),
        stopAfterMs: random.chance(0.2) ? random.int(0, 3_000) : undefined,
      })),
    };
  });
  return { talks, words, loopMax: random.int(2, 6) };
}

/** Two agents that are told to write to one another for ever. */
function loopIn(words: Map<string, readonly AgentAct[]>): string {
  const [first, there, back] = [1, 2, 3].map((n) => `q${words.size + n}`) as [string, string, string];
  words.set(first, [{ kind: "send", to: { agent: "bo", word: there } }]);
  words.set(there, [{ kind: "send", to: { agent: "ana", word: back } }]);
  words.set(back, [{ kind: "send", to: { agent: "bo", word: there } }]);
  return first;
}
