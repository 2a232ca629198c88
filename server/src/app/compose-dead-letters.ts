import type { DeadLetter, Notices, TurnError, TurnState } from "@troupe/contracts";
import type { WakeLoop } from "../kit/index.ts";
import { createBacklogWatch, type EffectWorkersDeps, type RelayDeps } from "../workers/index.ts";
import type { Foundation } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";
import { deadLetterNotices, type GivenUp } from "./dead-letter-notices.ts";

/** What is done about what was given up: operators are told, and metrics know. */
export interface DeadLetterParts {
  readonly backlog: WakeLoop;
  readonly onEffect: NonNullable<EffectWorkersDeps["onDead"]>;
  readonly onDelivery: NonNullable<RelayDeps["onDead"]>;
  onTurn(ended: { readonly state: TurnState; readonly error: TurnError | undefined }): void;
  onAgentMessage(delivery: { readonly to: string }, reason: string): void;
}

export function composeDeadLetters(foundation: Foundation, notices: Notices): DeadLetterParts {
  const backlog = createBacklogWatch({ ...foundation, ...foundation.stores, spaceId: SPACE });
  const post = deadLetterNotices(notices, foundation.clock);
  const tell = (
    source: DeadLetter["source"],
    kind: string,
    state: DeadLetter["state"],
    error: string,
    to?: string,
  ): void => {
    const given: GivenUp = { source, kind, state, error, to };
    post(given);
    backlog.wakeIn(LOOK_SOON_MS);
  };
  return {
    backlog,
    onEffect: ({ kind }, outcome) => tell("effect", kind, outcome.kind, outcome.error),
    onDelivery: ({ address }, outcome) =>
      tell("delivery", `delivery.${address.channel}`, outcome.kind, outcome.error, address.target),
    onTurn({ state, error }) {
      if (state === "dead") tell("turn", "turn", "dead", error?.message ?? "It was tried too often.");
    },
    onAgentMessage: ({ to }, reason) => tell("agent-message", "agent.message", "dead", reason, to),
  };
}

/** Many that are given up at once are one look. */
const LOOK_SOON_MS = 1_000;
