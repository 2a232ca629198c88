import type {
  CallOptions,
  Clock,
  Envelope,
  IdGenerator,
  Lane,
  MessageBus,
  ProviderHealth,
} from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { sleep } from "../kit/index.ts";
import type { Role } from "./roles.ts";

/** What a process says of itself, beside what the store knows of it. */
export interface ProcessFacts {
  readonly id: string;
  readonly role: Role;
  readonly version: string;
  readonly startedAt: number;
  readonly rssBytes: number;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** In which of them it runs effects; a process of an older version says nothing of it. */
  readonly lanes?: readonly Lane[];
  readonly turns: { readonly running: number; readonly waiting: number };
  /** Providers that are left alone just now, or were lately. */
  readonly breakers: readonly Pick<ProviderHealth, "provider" | "state">[];
}

/** Asks all processes how they are, and answers for this one. */
export interface RollCall extends Disposable {
  /** Resolves with whoever answered in time, this process first. */
  ask(options: CallOptions): Promise<readonly ProcessFacts[]>;
}

/** A living process answers within a few milliseconds. */
const WAIT_MS = 250;

export function createRollCall(deps: {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly processId: string;
  readonly own: () => ProcessFacts;
}): RollCall {
  const { bus, clock, processId, own } = deps;
  const tell = (subject: string, payload: Envelope["payload"]): void =>
    bus.publish(subject, { id: deps.ids.next(), kind: subject, v: 1, at: clock.now(), payload });
  const listening = bus.subscribe(SUBJECTS.processAsked, ({ payload: { to } }) => {
    if (typeof to === "string" && to !== processId) tell(`${SUBJECTS.processSaid}.${to}`, { facts: own() });
  });
  return {
    async ask({ signal }) {
      const said = new Map<string, ProcessFacts>();
      using _ = bus.subscribe(`${SUBJECTS.processSaid}.${processId}`, ({ payload: { facts } }) => {
        if (isFacts(facts)) said.set(facts.id, facts);
      });
      tell(SUBJECTS.processAsked, { to: processId });
      await sleep(clock, WAIT_MS, signal);
      said.delete(processId);
      return [own(), ...said.values()];
    },
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}

function isFacts(facts: unknown): facts is ProcessFacts {
  return typeof facts === "object" && facts !== null && "id" in facts && typeof facts.id === "string";
}
