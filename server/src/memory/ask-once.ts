import type {
  Budgets,
  Clock,
  IdGenerator,
  Ledger,
  ModelCallRecord,
  ModelChoice,
  ModelRequest,
  ModelRouter,
  UnitOfWork,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  type CallAbout,
  costMicroUsd,
  dayOf,
  estimateTokens,
  type OneAnswer,
  oneAnswer,
} from "../kit/index.ts";

/** Output that is reserved where the request sets no limit. */
const DEFAULT_OUTPUT_TOKENS = 1_000;

export interface AskOnceDeps {
  readonly unit: UnitOfWork;
  readonly ledger: Pick<Ledger, "reserve" | "release" | "record">;
  readonly budgets: Budgets;
  readonly router: ModelRouter;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}

export interface Question {
  readonly choices: readonly ModelChoice[];
  readonly request: ModelRequest;
  /** Id of the effect that it is made for: what it reserves is freed with it after a crash. */
  readonly holder: string;
  /** Default: `summary`. */
  readonly purpose?: ModelCallRecord["purpose"];
  readonly about: Omit<CallAbout, "purpose" | "day">;
  readonly signal: AbortSignal;
}

/**
 * One background call of a model, its cost reserved before and settled after it whatever the outcome. Source: design §2
 * rule 8. Rejects with the model's error, with `budget.exceeded` (retryable when the budget's next period begins), or with
 * the signal's reason.
 */
export async function askOnce(deps: AskOnceDeps, question: Question): Promise<string> {
  const reservedAt = deps.clock.now();
  const about: CallAbout = {
    ...question.about,
    purpose: question.purpose ?? "summary",
    day: dayOf(reservedAt),
  };
  const isReserved = await reserve(deps, question, reservedAt);
  const records: ModelCallRecord[] = [];
  let asked: OneAnswer;
  try {
    asked = await oneAnswer(deps, { ...question, about }, records);
  } finally {
    await settle(deps, question, isReserved, records);
  }
  if (question.signal.aborted) throw question.signal.reason;
  if (asked.end === undefined)
    throw new TroupeError("The model's answer broke off.", { code: "model.bad_response", retryable: true });
  if (asked.end.error !== undefined) throw asked.end.error;
  return asked.text;
}

/** Whether anything is reserved: only where a budget pays for it. */
async function reserve(
  { unit, ledger, budgets, clock }: AskOnceDeps,
  { choices, request, about, holder, signal }: Question,
  at: number,
): Promise<boolean> {
  const accounts = budgets.of(about, at);
  if (accounts.length === 0) return false;
  const inputTokens = request.messages.reduce((sum, message) => sum + estimateTokens(message.text), 0);
  const outputTokens = request.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS;
  const usage = { inputTokens, cachedInputTokens: 0, outputTokens };
  const microUsd = Math.max(0, ...choices.map(({ price }) => costMicroUsd(usage, price)));
  if (microUsd === 0) return false;
  try {
    await unit.commit([ledger.reserve({ holder, microUsd, accounts })], { signal });
    return true;
  } catch (error) {
    if (!TroupeError.is(error, "budget.exceeded")) throw error;
    throw new TroupeError("A budget is used up; its next period opens it again.", {
      code: "budget.exceeded",
      cause: error,
      retryable: true,
      retryAfterMs: Math.min(...accounts.map(({ resetsAt }) => resetsAt)) - clock.now(),
    });
  }
}

/** Tells what was billed. Money that was reserved is settled by a commit of its own: the caller may yet fail. */
async function settle(
  { unit, ledger }: AskOnceDeps,
  { holder }: Question,
  isReserved: boolean,
  calls: readonly ModelCallRecord[],
): Promise<void> {
  const records = calls.map((call) => ledger.record(call));
  if (!isReserved && calls.every(({ costMicroUsd }) => costMicroUsd === 0)) return unit.ride(records);
  // What was billed is told although nobody waits for the answer any more.
  await unit.commit([...records, ledger.release(holder)], { signal: new AbortController().signal });
}
