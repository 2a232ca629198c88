import type { Agent, AgentChannel, AgentDirectory, Turn } from "@troupe/contracts";

/** Whether `asker` may reach `target`: its own list names it, and the target's list names the asker. Nobody reaches itself. */
export function mayReach(asker: Agent, target: Agent): boolean {
  if (asker.spec.id === target.spec.id) return false;
  return (
    matchesAny(asker.spec.delegates ?? [], target.spec.id) &&
    matchesAny(target.spec.acceptsFrom ?? [], asker.spec.id)
  );
}

/**
 * Whether what `from` says in a channel may make `to` work. Beside whom it may reach these are: whoever made the turn work in
 * which it speaks, for an answer; and the creator of a group, which asked it in.
 */
export function mayActivate(
  channel: Pick<AgentChannel, "kind" | "creator">,
  from: Agent,
  to: Agent,
  speaking: Pick<Turn, "payload"> | undefined,
): boolean {
  if (mayReach(from, to)) return true;
  const wrote = channel.kind === "group" ? channel.creator : speaking?.payload.cause?.from?.agentId;
  return wrote === to.spec.id && mayReach(to, from);
}

/** `*` stands for any run of characters, everything else for itself. */
export function matchesAny(globs: readonly string[], id: string): boolean {
  return globs.some((glob) => matches(glob, id));
}

function matches(glob: string, id: string): boolean {
  const [head = "", ...rest] = glob.split("*");
  const tail = rest.pop();
  if (tail === undefined) return glob === id;
  if (!id.startsWith(head) || id.length < head.length + tail.length || !id.endsWith(tail)) return false;
  let at = head.length;
  const end = id.length - tail.length;
  for (const piece of rest) {
    const found = id.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/** Those that the agent may reach, by id. */
export function reachable(agents: AgentDirectory, asker: Agent): readonly Agent[] {
  return agents
    .list(asker.spaceId)
    .filter((target) => mayReach(asker, target))
    .toSorted((a, b) => (a.spec.id < b.spec.id ? -1 : 1));
}

/** The agent that a model or a person means by an id or a name, whatever its case. */
export function named(agents: readonly Agent[], wanted: string): Agent | undefined {
  const asked = plain(wanted);
  return (
    agents.find(({ spec }) => spec.id === wanted) ??
    agents.find(({ spec }) => plain(spec.id) === asked || plain(spec.name) === asked)
  );
}

/** Those of which id, name, description or a capability holds words of the query, best first. Source: feature NN-080. */
export function search(agents: readonly Agent[], query: string): readonly Agent[] {
  const words = wordsIn(query);
  if (words.length === 0) return agents;
  const scored = agents.map((agent) => ({ agent, score: scoreOf(agent, words) }));
  return scored
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .map(({ agent }) => agent);
}

function scoreOf({ spec }: Agent, words: readonly string[]): number {
  const { id, name, description = "", capabilities = [] } = spec;
  const own = new Set(wordsIn([id, name, ...capabilities].join(" ")));
  const told = new Set(wordsIn(description));
  return words.reduce((sum, word) => sum + (has(own, word) ? 2 : has(told, word) ? 1 : 0), 0);
}

/** Whole words, or the beginning of one from four letters on: "translate" finds "translation". */
function has(words: ReadonlySet<string>, wanted: string): boolean {
  if (words.has(wanted)) return true;
  const stem = wanted.slice(0, Math.max(4, wanted.length - 3));
  return wanted.length >= 4 && [...words].some((word) => word.startsWith(stem));
}

function wordsIn(text: string): readonly string[] {
  return plain(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

function plain(text: string): string {
  return text.trim().toLowerCase();
}
