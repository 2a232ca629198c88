import type {
  Clock,
  IdGenerator,
  ModelCallRecord,
  ModelChoice,
  ModelEvent,
  ModelRequest,
  ModelRouter,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type CallAbout, callRecord, failedCallRecord } from "./model-call.ts";

/** Name of the logical model for small questions, where the configuration has it. */
const SMALL_MODEL = "small";

type EndEvent = Extract<ModelEvent, { readonly type: "end" }>;

/** What one question to a model came to. */
export interface OneAnswer {
  readonly text: string;
  /** Undefined when not even a failure was told. */
  readonly end: EndEvent | undefined;
}

/**
 * Asks once and gathers the whole answer. Every call that was made for it is added to `records`, also when it throws. Rejects
 * with what the router throws; a model's failure is in `end`.
 */
export async function oneAnswer(
  deps: { readonly router: ModelRouter; readonly clock: Clock; readonly ids: IdGenerator },
  question: {
    readonly choices: readonly ModelChoice[];
    readonly request: ModelRequest;
    readonly about: CallAbout;
    readonly signal: AbortSignal;
  },
  records: ModelCallRecord[],
): Promise<OneAnswer> {
  const { router, clock, ids } = deps;
  const { choices, request, about, signal } = question;
  const startedMs = clock.monotonicMs();
  let choice: ModelChoice | undefined;
  let text = "";
  let end: EndEvent | undefined;
  const events = router.stream(choices, request, {
    signal,
    onModel: (one) => {
      choice = one;
    },
    onRetry: () => {},
    onFailedCall: (failed) =>
      void records.push(failedCallRecord(about, failed, { id: ids.next(), at: clock.now() })),
  });
  try {
    for await (const event of events) {
      if (event.type === "text-delta") text += event.text;
      if (event.type === "end") end = event;
    }
  } finally {
    const latencyMs = clock.monotonicMs() - startedMs;
    if (choice !== undefined)
      records.push(callRecord(about, { id: ids.next(), at: clock.now(), choice, end, latencyMs }));
  }
  return { text, end };
}

/** Whom to ask small questions: the model called `small`, or where there is none the agent's own. */
export function smallChoices(
  router: Pick<ModelRouter, "choices">,
  agentModel: string,
): readonly ModelChoice[] {
  try {
    return router.choices(SMALL_MODEL);
  } catch (error) {
    if (!TroupeError.is(error, "model.unknown")) throw error;
    return router.choices(agentModel);
  }
}
