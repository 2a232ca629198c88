import type {
  Clock,
  IdGenerator,
  Ledger,
  ModelCallRecord,
  ModelChoice,
  ModelEvent,
  ModelRequest,
  ModelRouter,
  UnitOfWork,
} from "@troupe/contracts";
import { NO_USAGE, TroupeError } from "@troupe/contracts";
import { costMicroUsd, dayOf, estimateTokens } from "../kit/index.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Output that is reserved where the request sets no limit. */
const DEFAULT_OUTPUT_TOKENS = 1_000;

export interface AskOnceDeps {
  readonly unit: UnitOfWork;
  readonly ledger: Pick<Ledger, "reserve" | "settle" | "record">;
  readonly router: ModelRouter;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}

export interface Question {
  readonly choices: readonly ModelChoice[];
  readonly request: ModelRequest;
  readonly about: Pick<ModelCallRecord, "spaceId" | "agentId" | "sessionId" | "turnId">;
  readonly dailyLimitMicroUsd: number | undefined;
  readonly signal: AbortSignal;
}

type EndEvent = Extract<ModelEvent, { readonly type: "end" }>;

interface Asked {
  readonly text: string;
  /** Undefined when not even a failure was told. */
  readonly end: EndEvent | undefined;
  readonly choice: ModelChoice | undefined;
  readonly latencyMs: number;
}

/**
 * One background call of a model, its cost reserved before and settled after it whatever the outcome. Source: design §2
 * rule 8. Rejects with the model's error, with `budget.exceeded` (retryable at the next UTC day), or with the signal's
 * reason.
 */
export async function askOnce(deps: AskOnceDeps, question: Question): Promise<string> {
  const reservation = await reserve(deps, question);
  let asked: Asked | undefined;
  try {
    asked = await ask(deps, question);
  } finally {
    await settle(deps, question, reservation, asked);
  }
  if (question.signal.aborted) throw question.signal.reason;
  if (asked.end === undefined)
    throw new TroupeError("The model's answer broke off.", { code: "model.bad_response", retryable: true });
  if (asked.end.error !== undefined) throw asked.end.error;
  return asked.text;
}

interface Reservation {
  readonly day: string;
  readonly microUsd: number;
}

async function reserve(
  { unit, ledger, clock }: AskOnceDeps,
  { choices, request, about: { spaceId }, dailyLimitMicroUsd, signal }: Question,
): Promise<Reservation> {
  const inputTokens = request.messages.reduce((sum, message) => sum + estimateTokens(message.text), 0);
  const outputTokens = request.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS;
  const usage = { inputTokens, cachedInputTokens: 0, outputTokens };
  const microUsd = Math.max(0, ...choices.map(({ price }) => costMicroUsd(usage, price)));
  const day = dayOf(clock.now());
  if (microUsd === 0) return { day, microUsd };
  const write = ledger.reserve({ spaceId, day, microUsd, limitMicroUsd: dailyLimitMicroUsd });
  try {
    await unit.commit([write], { signal });
  } catch (error) {
    if (!TroupeError.is(error, "budget.exceeded")) throw error;
    throw new TroupeError("The budget of today is spent; the next day opens it again.", {
      code: "budget.exceeded",
      cause: error,
      retryable: true,
      retryAfterMs: DAY_MS - (clock.now() % DAY_MS),
    });
  }
  return { day, microUsd };
}

async function ask({ router, clock }: AskOnceDeps, { choices, request, signal }: Question): Promise<Asked> {
  const startedMs = clock.monotonicMs();
  let choice: ModelChoice | undefined;
  let text = "";
  let end: EndEvent | undefined;
  const onModel = (one: ModelChoice): void => {
    choice = one;
  };
  for await (const event of router.stream(choices, request, { signal, onModel, onRetry: () => {} })) {
    if (event.type === "text-delta") text += event.text;
    if (event.type === "end") end = event;
  }
  return { text, end, choice, latencyMs: clock.monotonicMs() - startedMs };
}

/** Tells what was billed. Money that was reserved is settled by a commit of its own: the caller may yet fail. */
async function settle(
  { unit, ledger, clock, ids }: AskOnceDeps,
  { choices, about }: Question,
  { day, microUsd: reservedMicroUsd }: Reservation,
  asked: Asked | undefined,
): Promise<void> {
  const usage = asked?.end?.usage ?? NO_USAGE;
  const choice = asked?.choice ?? choices[0];
  const cost = costMicroUsd(usage, choice?.price);
  const record = ledger.record({
    id: ids.next(),
    ...about,
    model: choice?.name ?? "unknown",
    purpose: "summary",
    outcome: outcomeOf(asked?.end),
    ...usage,
    estimated: asked?.end?.estimated ?? true,
    costMicroUsd: cost,
    latencyMs: Math.round(asked?.latencyMs ?? 0),
    at: clock.now(),
  });
  if (reservedMicroUsd === 0 && cost === 0) return unit.ride([record]);
  const entry = { spaceId: about.spaceId, day, microUsd: cost, reservedMicroUsd };
  // What was billed is told although nobody waits for the answer any more.
  await unit.commit([ledger.settle(entry), record], { signal: new AbortController().signal });
}

function outcomeOf(end: EndEvent | undefined): ModelCallRecord["outcome"] {
  if (end === undefined || end.reason === "error") return "error";
  return end.reason === "aborted" ? "aborted" : "ok";
}
