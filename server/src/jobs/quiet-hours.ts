import type { Clock, ClockSpan, Gate, InboundMessage, QuietTimes, Trigger, Verdict } from "@troupe/contracts";
import { hoursEndAt } from "./hours.ts";
import { timeIn } from "./schedule.ts";

/** The hours of one peer with one agent, in the peer's own zone. */
export interface QuietRule extends ClockSpan {
  /** IANA zone. */
  readonly zone: string;
}

type About = Parameters<QuietTimes["until"]>[0];

/** Quiet hours by a rule for each peer and agent; undefined where there are none. */
export function createQuietTimes(ruleOf: (about: About) => QuietRule | undefined): QuietTimes {
  return {
    until(about, at) {
      const rule = ruleOf(about);
      return rule && hoursEndAt(rule, rule.zone, at);
    },
  };
}

/** What nobody asked for just now. */
const BY_ITSELF: ReadonlySet<Trigger> = new Set(["job", "flow"]);

/**
 * Runs of jobs wait for the end of quiet hours before they come here. What comes all the same, because a person wanted it so
 * or because it is the step of a flow, is told to be short. A reply to what a person wrote is none of this.
 * Source: feature DA-008.
 */
export function quietHoursGate(quiet: QuietTimes, clock: Pick<Clock, "now">): Gate {
  return {
    id: "quiet-hours",
    check(message, { spaceId }): Verdict {
      if (!BY_ITSELF.has(message.trigger) || message.direct !== undefined) return { kind: "allow" };
      const { agentId, peerId } = message;
      const untilMs = quiet.until({ spaceId, agentId, peerId }, clock.now());
      if (untilMs === undefined) return { kind: "allow" };
      return { kind: "modify", message: shortened(message), reason: "These are quiet hours." };
    },
  };
}

const BE_SHORT =
  "These are the quiet hours of the person who will read this. Say only what cannot wait, in one or two sentences, and begin nothing new.";

function shortened(message: InboundMessage): InboundMessage {
  const { instructions } = message;
  return { ...message, instructions: instructions === undefined ? BE_SHORT : `${instructions}\n${BE_SHORT}` };
}

/** `quiet hours until 07:00 (Europe/Kyiv)`, for people who look at a run that waits. */
export function quietReason(untilMs: number, zone: string): string {
  return `Quiet hours until ${timeIn(zone, untilMs).local.slice(11, 16)} (${zone}).`;
}
