// What must hold once everything has come to rest, and what it came to.
import { setTimeout as wait } from "node:timers/promises";
import { type Counts, check } from "../sim/check.ts";
import type { Told } from "../sim/clients.ts";
import type { FarSide } from "./far-side.ts";
import type { Entrance, Reading } from "./wire.ts";

export interface Breach {
  readonly rule: string;
  readonly what: string;
}

/** A blind reply of which nobody knows whether it arrived, and whether the platform has it. */
export interface Doubt {
  readonly id: string;
  readonly target: string;
  readonly hasArrived: boolean;
}

export interface Judgement {
  readonly counts: Counts;
  readonly breaches: readonly Breach[];
  readonly unknown: readonly Doubt[];
}

const REST_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 250;

/** Reads the store until nothing in it is on its way any more, or for too long. */
export async function comeToRest(entrance: () => Entrance | undefined): Promise<Reading> {
  const untilMs = performance.now() + REST_WITHIN_MS;
  for (;;) {
    const at = entrance();
    if (at === undefined) throw new Error("No process takes messages any more.");
    const reading = (await (await fetch(`${at.doorUrl}/kept`)).json()) as Reading;
    if (!reading.isOpen || performance.now() > untilMs) return reading;
    await wait(LOOK_EVERY_MS);
  }
}

export function judge(far: FarSide, told: readonly Told[], reading: Reading): Judgement {
  const { kept, budget } = reading;
  const breaches: Breach[] = [];
  const { arrived, acts, prompts } = far;
  const nobody = new Set<string>();
  const outcome = {
    ...{ kept, told, arrived, acts, prompts, budget },
    ...{ rejected: nobody, doubted: nobody, doubledEvents: nobody },
    // All on one machine.
    ...{ wasCalm: false, wasQuick: false, skewMs: 0 },
  };
  const counts = check(outcome, (rule, what) => void breaches.push({ rule, what }));
  if (reading.isOpen) breaches.push({ rule: "everything comes to rest", what: "it did not" });
  const rows = kept.turns.flatMap((one) => one.outbox).filter((row) => row.state === "unknown");
  const unknown = rows.map(({ id, address }) => ({
    id,
    target: `${address.channel}/${address.target}`,
    hasArrived: arrived.some((one) => one.key === id),
  }));
  return { counts, breaches, unknown };
}
