import type { Committed, FlowChange, FlowMove, FlowRun, NewFlow } from "@troupe/contracts";
import { commit, options, result, SPACE, type StoreHarness } from "./store-fixtures.ts";

export const PROGRAMS: readonly string[] = ["order@1"];

export const newFlow = (change: Partial<NewFlow> = {}): NewFlow => ({
  id: "flow-1",
  spaceId: SPACE,
  definition: "order",
  version: 1,
  parentId: undefined,
  sessionId: undefined,
  agentId: undefined,
  goal: "Deliver order 7",
  step: "pack",
  state: { order: 7 },
  isMirrored: false,
  ...change,
});

export const change = (harness: StoreHarness, what: string, detail = ""): FlowChange => ({
  what,
  by: "process-1",
  detail,
  at: harness.now(),
});

export const start = (harness: StoreHarness, over: Partial<NewFlow> = {}): Promise<Committed> =>
  commit(harness, harness.stores.flows.start(newFlow(over), change(harness, "started")));

export const moveOf = (flow: FlowRun, over: Partial<FlowMove> = {}): FlowMove => ({
  id: flow.id,
  revision: flow.revision,
  definition: flow.definition,
  version: flow.version,
  step: flow.step,
  reason: "step",
  state: flow.state,
  ...over,
});

export const claim = (
  harness: StoreHarness,
  owner = "process-1",
  programs: readonly string[] = PROGRAMS,
): Promise<readonly FlowRun[]> =>
  result(harness, harness.stores.flows.claim({ owner, leaseMs: 60_000, limit: 10, programs }));

export async function claimOne(harness: StoreHarness): Promise<FlowRun> {
  const [flow] = await claim(harness);
  if (flow === undefined) throw new Error("nothing to claim");
  return flow;
}

export async function flowIn(harness: StoreHarness, id = "flow-1"): Promise<FlowRun> {
  const flow = await harness.stores.flows.get(id, options);
  if (flow === undefined) throw new Error(`no flow ${id}`);
  return flow;
}

export async function whatOf(harness: StoreHarness, id = "flow-1"): Promise<readonly string[]> {
  return (await harness.stores.flows.history({ id }, options)).map(({ what }) => what);
}
