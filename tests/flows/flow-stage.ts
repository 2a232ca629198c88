import type {
  AcceptResult,
  FlowDefinition,
  FlowResult,
  InboundMessage,
  Principal,
  Stores,
} from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach } from "vitest";
import { createLocalBus } from "../../server/src/bus/index.ts";
import {
  agentFlow,
  createFlowDefinitions,
  createFlowEngine,
  createFlowPort,
  createFlowTools,
} from "../../server/src/flows/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { NEVER, OPERATOR, openStage, type Stage } from "../turns/stage.ts";

export const options = { signal: NEVER };
export const KEY: Principal = { spaceId: "default", kind: "key", id: "key-1" };
export const MINUTE = 60_000;
/** Nobody renews it in these tests, whose processes do not die by themselves. */
const PROCESS_LEASE_MS = 1_000 * 60 * MINUTE;

export let stage: Stage;
let stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  stage = await openStage();
});
afterEach(async () => {
  for (const stop of stops) await stop();
  stops = [];
  await stage.close();
});

/** One process that runs flows of these definitions. `isAtWork` false: it has them, and leaves the work to others. */
export async function process(
  id: string,
  flows: readonly FlowDefinition[],
  {
    stores = stage.stores,
    answer,
    isAtWork = true,
  }: { readonly stores?: Stores; readonly answer?: AcceptResult; readonly isAtWork?: boolean } = {},
) {
  const { clock } = stage;
  const log = createLogRecorder();
  const metrics = createMetrics();
  const bus = createLocalBus({ logger: log, metrics, clock });
  const definitions = createFlowDefinitions([agentFlow, ...flows]);
  const accepted: InboundMessage[] = [];
  const common = {
    ...{ ...stores, clock, metrics, bus, definitions, logger: log, processId: id, spaceId: "default" },
    ...{ ids: createIdGenerator(clock), random: () => 0.5, pushes: () => false, accepted },
    inbox: () => ({
      async accept(message: InboundMessage): Promise<AcceptResult> {
        accepted.push(message);
        return answer ?? { kind: "duplicate", turnId: "turn-1", sessionId: "s", state: "running" };
      },
    }),
    control: () => ({ cancel: async () => ({ kind: "cancelled" as const, state: "cancelled" as const }) }),
  };
  await stores.unit.commit(
    [stores.leases.register({ id, pid: 1, role: "all", leaseMs: PROCESS_LEASE_MS })],
    options,
  );
  const engine = createFlowEngine(common);
  const port = createFlowPort({ ...common, engine });
  const life = new AbortController();
  if (isAtWork) engine.start(life.signal);
  const stop = async (): Promise<void> => {
    life.abort(new Error("over"));
    await engine.stop(1_000);
  };
  stops.push(stop);
  return { engine, port, accepted, bus, log, metrics, stop, tools: createFlowTools({ ...common, engine }) };
}

export const flowOf = async (id: string) => {
  const flow = await stage.stores.flows.get(id, options);
  if (flow === undefined) throw new Error(`no flow ${id}`);
  return flow;
};
export const historyOf = async (id: string) =>
  (await stage.stores.flows.history({ id }, options)).map(({ what }) => what);
export const define = (
  steps: Readonly<Record<string, (state: Readonly<Record<string, unknown>>, attempt: number) => FlowResult>>,
  over: Partial<FlowDefinition> = {},
): FlowDefinition => ({
  name: "order",
  version: 1,
  first: "pack",
  steps: Object.fromEntries(
    Object.entries(steps).map(([name, run]) => [
      name,
      { run: async ({ state, attempt }) => run(state, attempt) },
    ]),
  ),
  ...over,
});
export const done: FlowResult = { next: { done: true } };
export const start = (port: Awaited<ReturnType<typeof process>>["port"], id = "flow-1") =>
  port.start({ id, definition: "order", goal: "Deliver order 7", state: { order: 7 } }, OPERATOR, options);
