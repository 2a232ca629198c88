import type { ErrorCode, MessagePart, TurnError } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type Language, redactText, say, sayReason, sayRefusals } from "../kit/index.ts";
import type { ExecutedTurn } from "./values.ts";

/** Reasons of an abort that mean: leave the turn as it is, somebody else goes on with it. */
export class LeftForTakeover extends Error {
  override readonly name = "LeftForTakeover";

  constructor(why: string, options?: ErrorOptions) {
    super(`The turn is left for whoever goes on with it: ${why}.`, options);
  }
}

/** How a turn ends whose run ended with `error`. */
export interface Failure {
  readonly state: "failed" | "cancelled" | "dead";
  readonly error: TurnError;
  /** What the user is told: one sentence with a reference. */
  readonly sentence: string;
}

/** Codes whose message is written for the user already. */
const TELLS_ITSELF: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "budget.exceeded",
  "turn.failed",
  "tool.failed",
  "model.unknown",
  "model.unavailable",
  "model.auth",
  "model.billing",
  "model.rate_limited",
]);

export function failureOf(
  cause: unknown,
  about: {
    readonly turnId: string;
    readonly language: Language;
    readonly model: string;
    readonly attempt: number;
  },
): Failure {
  const code: ErrorCode = TroupeError.is(cause) ? cause.code : "internal";
  const { turnId, language, model, attempt } = about;
  if (code === "turn.cancelled") {
    return {
      state: "cancelled",
      error: { code, message: "It was stopped." },
      sentence: say(language, "turn.cancelled"),
    };
  }
  const reason = ownWords(cause, language) ?? sayReason(language, code, model);
  const isDead = code === "turn.attempts_exhausted";
  const sentence = isDead
    ? say(language, "turn.dead", { attempts: attempt - 1, reason, turnId })
    : say(language, "turn.failed", { reason: endSentence(reason), turnId });
  return { state: isDead ? "dead" : "failed", error: { code, message: endSentence(reason) }, sentence };
}

/** What the error says by itself. Models speak English alone, so for other readers what they said is told by the catalogue. */
function ownWords(cause: unknown, language: Language): string | undefined {
  if (!TroupeError.is(cause) || !TELLS_ITSELF.has(cause.code)) return undefined;
  if (language === "en" || !cause.code.startsWith("model.")) return redactText(cause.message);
  return sayRefusals(language, cause);
}

function endSentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/**
 * The turn as the commit keeps it when it did not come to an answer. What a model was paid for is kept all the same, and of a
 * turn that was stopped what it had said and done, or the next one would do it again.
 */
export function failedTurn(turn: ExecutedTurn, failure: Failure): ExecutedTurn {
  const isStopped = failure.state === "cancelled";
  return {
    ...turn,
    state: failure.state,
    error: failure.error,
    // Effects of transactional tools belong to an answer; without one they never happened.
    toolWrites: [],
    parts: isStopped ? turn.parts.map((part) => withoutEffect(turn, part)) : [],
    reply: isStopped && turn.reply !== "" ? turn.reply : failure.sentence,
  };
}

function withoutEffect({ tools, language }: ExecutedTurn, part: MessagePart): MessagePart {
  if (part.type !== "tool-result" || part.isError === true || tools.kindOf(part.name) !== "transactional")
    return part;
  return { ...part, text: say(language, "tool.not_kept", { tool: part.name }), isError: true };
}
