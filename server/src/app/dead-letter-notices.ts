import { type Clock, type DeadLetter, type Notices, OPERATOR_ID } from "@troupe/contracts";
import { redactText } from "../kit/index.ts";

/** What was given up just now. */
export type GivenUp = Pick<DeadLetter, "source" | "kind" | "state" | "to" | "error">;

const HOUR_MS = 3_600_000;

/**
 * Tells operators of what was given up: one notice a kind and hour, however much it is. The key makes it one among all
 * processes; what this one told already it does not even write.
 */
export function deadLetterNotices(
  notices: Pick<Notices, "post">,
  clock: Pick<Clock, "now">,
): (given: GivenUp) => void {
  let hour = 0;
  const told = new Set<string>();
  return (given) => {
    const now = Math.floor(clock.now() / HOUR_MS);
    if (now !== hour) told.clear();
    hour = now;
    const key = `dead-letter ${given.kind} ${given.state} ${hour}`;
    if (told.has(key)) return;
    told.add(key);
    notices.post({ ownerId: OPERATOR_ID, key, title: titleOf(given), text: textOf(given) });
  };
}

function titleOf({ source, kind, state, to }: GivenUp): string {
  const whom = to === undefined ? "" : ` ${to.slice(0, 80)}`;
  if (state === "parked") return `Work waits for a newer version: ${kind}`;
  switch (source) {
    case "effect":
      return `Work behind a reply was given up: ${kind}`;
    case "delivery": {
      const channel = kind.slice("delivery.".length);
      return state === "unknown"
        ? `A reply may not have reached${whom} on ${channel}`
        : `A reply could not be delivered to${whom} on ${channel}`;
    }
    case "agent-message":
      return `A message to the agent${whom} was given up`;
    case "turn":
      return "A turn was given up";
  }
}

function textOf({ kind, state, error }: GivenUp): string {
  const why = error === undefined ? "No reason was kept." : redactText(error);
  const next =
    state === "parked"
      ? "A process of a version that knows it takes it up by itself."
      : "It is not tried again by itself.";
  return [
    `> ${why.replaceAll("\n", " ")}`,
    `${next} See what there is of this kind, why, and what can be done:`,
    `    ./troupe dlq list --kind ${kind}`,
    "Further ones of this kind are not told one by one within the hour.",
  ].join("\n\n");
}
