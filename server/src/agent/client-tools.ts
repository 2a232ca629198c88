import type { ClientOptions, ToolCallPart, ToolSet, ToolSpec } from "@troupe/contracts";
import type { EquippedTurn } from "./values.ts";

const NOTHING: ToolSet = { specs: [], kindOf: () => undefined };
const NOBODYS: ReadonlySet<string> = new Set();

/** The agent's tools with those that the client brings and runs itself. A client's tool takes the place of its namesake. */
export function withClientTools(
  own: ToolSet,
  client: ClientOptions | undefined,
): Pick<EquippedTurn, "tools" | "runnable" | "clientTools"> {
  const isBare = client?.withoutAgentTools === true || client?.toolChoice === "none";
  const brought = client?.toolChoice === "none" ? [] : (client?.tools ?? []);
  if (brought.length === 0 && !isBare) return { tools: own, runnable: own, clientTools: NOBODYS };
  const clientTools = new Set(brought.map(({ name }) => name));
  const kept = isBare ? [] : own.specs.filter(({ name }) => !clientTools.has(name));
  const specs = [...kept, ...brought.map((tool): ToolSpec => ({ ...tool, kind: "pure" }))];
  const names = new Set(kept.map(({ name }) => name));
  return {
    runnable: isBare ? NOTHING : own,
    tools: { specs, kindOf: (name) => (names.has(name) ? own.kindOf(name) : undefined) },
    clientTools,
  };
}

/** Which calls of a model's step Troupe runs, and which it hands to the client. */
export function partCalls(
  turn: EquippedTurn,
  calls: readonly ToolCallPart[],
): { readonly own: readonly ToolCallPart[]; readonly clients: readonly ToolCallPart[] } {
  if (turn.clientTools.size === 0) return { own: calls, clients: [] };
  const clients = calls.filter(({ name }) => turn.clientTools.has(name));
  for (const call of clients) turn.run.emitter.tool("requested", call);
  return { own: calls.filter(({ name }) => !turn.clientTools.has(name)), clients };
}
