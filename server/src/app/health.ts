import type { Clock } from "@troupe/contracts";

export type Phase = "starting" | "ready" | "stopping";

/** Whether this process takes work, and why not. */
export interface HealthState {
  readonly phase: Phase;
  readonly startedAt: number;
  /** Asked for each request: it reads memory alone. */
  ready(): Readiness;
  enter(phase: Phase): void;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** What is otherwise than usual while work is taken. */
  readonly notes?: readonly string[];
}

const READY: Readiness = { ready: true, reasons: [] };

/** `probes`: each a sentence on why no work can be taken, or undefined; `remarks` likewise, on what is unusual. */
export function createHealthState(
  clock: Clock,
  probes: readonly (() => string | undefined)[],
  remarks: readonly (() => string | undefined)[] = [],
): HealthState {
  const startedAt = clock.now();
  let phase: Phase = "starting";
  return {
    startedAt,
    get phase() {
      return phase;
    },
    ready() {
      const reasons: string[] = [];
      if (phase === "starting") reasons.push("Troupe is starting.");
      if (phase === "stopping") reasons.push("Troupe is stopping.");
      for (const probe of probes) {
        const reason = probe();
        if (reason !== undefined) reasons.push(reason);
      }
      const notes = remarks.map((remark) => remark()).filter((note) => note !== undefined);
      if (notes.length > 0) return { ready: reasons.length === 0, reasons, notes };
      return reasons.length === 0 ? READY : { ready: false, reasons };
    },
    enter(next) {
      phase = next;
    },
  };
}
