// Broken pieces, one at a time: the checks are worth something only if they notice each of them.
import type { Stores } from "@troupe/contracts";
import { nothing, withoutGuard } from "../mutation-kit.ts";
import type { BehindMutation } from "./composition.ts";

type Broken = BehindMutation & { readonly breaks: readonly string[] };

/** Stores with some members of one port replaced. */
function broken<Name extends keyof Stores>(
  name: string,
  port: Name,
  replace: (own: Stores[Name], stores: Stores) => Partial<Stores[Name]>,
  breaks: readonly string[],
): Broken {
  return {
    ...{ name, breaks },
    stores: (stores) => ({ ...stores, [port]: { ...stores[port], ...replace(stores[port], stores) } }),
  };
}

const JOBS: readonly Broken[] = [
  broken(
    "a job whose run is settled without ending",
    "jobRuns",
    (_own, stores) => ({ settle: () => nothing(stores) }),
    ["everything comes to rest"],
  ),
  broken(
    "a job that passes over a time",
    "jobRuns",
    (own) => ({
      settle: (run) =>
        own.settle({ ...run, job: { ...run.job, next: { ...run.job.next, at: run.job.next.at + 60_000 } } }),
    }),
    ["every time runs", "a job keeps its times"],
  ),
  broken(
    "a job that goes on after its cancel",
    "jobs",
    (own) => ({
      change: (job, change, at) =>
        own.change(job, change.state === "cancelled" ? { ...change, state: "active" } : change, at),
    }),
    ["a halted job begins no run"],
  ),
  broken(
    "a pause that pauses nothing",
    "jobs",
    (own) => ({
      change: (job, { state, ...change }, at) =>
        own.change(job, state === "paused" || state === undefined ? change : { ...change, state }, at),
    }),
    ["a halted job begins no run"],
  ),
  {
    name: "runs whose messages have no name that stays",
    breaks: ["no run is doubled"],
    stores: (stores) => ({
      ...stores,
      inbox: {
        ...stores.inbox,
        accept: (record) => {
          const { id, platformId } = record;
          return stores.inbox.accept({
            ...record,
            platformId: platformId === undefined ? undefined : `${platformId}/${id}`,
          });
        },
      },
    }),
  },
];

const FLOWS: readonly Broken[] = [
  {
    ...withoutGuard("a flow's move without its revision", (stores, mark) => ({
      ...stores,
      flows: { ...stores.flows, move: (...args) => mark(stores.flows.move(...args)) },
    })),
    breaks: ["a step's writes are kept once"],
  },
  broken(
    "an event that anybody may take again",
    "flowSignals",
    (_own, stores) => ({ take: () => nothing(stores) }),
    ["an event is given to one flow", "a step's writes are kept once"],
  ),
  broken(
    "a claim that is given back to nobody",
    "flows",
    (own) => ({ release: (flow, to) => own.release(flow, { ...to, dueAt: undefined }) }),
    ["everything comes to rest", "no flow is stranded"],
  ),
  broken(
    "a cancel of a flow that is not kept",
    "flows",
    (_own, stores) => ({ requestCancel: () => nothing(stores) }),
    ["a cancel is final"],
  ),
  broken("children that are taken for ended", "flows", () => ({ hasOpenChildren: async () => false }), [
    "a flow waits for all that it began",
  ]),
  broken("events that are paired with nothing", "flowSignals", () => ({ matches: async () => [] }), [
    "an event reaches the flow that waits for it",
  ]),
];

const EFFECTS: readonly Broken[] = [
  {
    ...withoutGuard("effects that are marked done without their epoch", (stores, mark) => ({
      ...stores,
      effects: { ...stores.effects, settle: (...args) => mark(stores.effects.settle(...args)) },
    })),
    breaks: ["effects are kept once"],
  },
  broken(
    "effects without the key that orders them",
    "effects",
    (own) => ({ put: ({ key: _none, ...effect }) => own.put(effect) }),
    ["effects of a key keep their order"],
  ),
  broken(
    "effects that die without a word",
    "effects",
    (own) => ({
      settle: (effect, outcome, at) =>
        own.settle(effect, outcome.kind === "retry" ? { ...outcome, error: "" } : outcome, at),
    }),
    ["the dead tell their history"],
  ),
  {
    name: "effects that are tried for ever",
    breaks: ["everything comes to rest", "an effect ends as it must"],
    handlers: (handlers) =>
      handlers.map((one) => ({ ...one, retry: { ...one.retry, maxAttempts: 1_000_000 } })),
  },
];

const AGENTS: readonly Broken[] = [
  broken(
    "a loop guard that counts nothing",
    "agentDeliveries",
    (own) => ({ activate: (activation) => own.activate({ ...activation, max: 1_000 }) }),
    ["the loop guard holds"],
  ),
  broken(
    "gathers that are never told",
    "agentDeliveries",
    (_own, stores) => ({ endGather: () => nothing(stores) }),
    ["what was asked comes to an end"],
  ),
  broken(
    "a stop that is kept nowhere",
    "agentDeliveries",
    (_own, stores) => ({ stop: () => nothing(stores) }),
    ["a stop reaches all"],
  ),
  broken(
    "answers that are posted nowhere",
    "agentChannels",
    (own, stores) => ({
      post: (message, activates) =>
        message.kind === "answer" ? nothing(stores) : own.post(message, activates),
    }),
    ["a question is answered once"],
  ),
];

/** Each with the rules that have to notice it. */
export const BEHIND_MUTATIONS: readonly Broken[] = [...JOBS, ...FLOWS, ...EFFECTS, ...AGENTS];
