import {
  type CallOptions,
  type Clock,
  type Embeddings,
  type Logger,
  type QuestionMeaning,
  type SearchQuery,
  type SearchStore,
  TroupeError,
} from "@troupe/contracts";
import { linkSignal, type Metrics, untilAborted } from "../kit/index.ts";

/** After a question whose vector did not come, questions go by their words alone for so long: each would wait in vain. */
const REST_MS = 10_000;

export interface QuestionMeaningDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** `provider/model` whose vectors are kept; asked each time, for a reload may change it. */
  readonly model: () => string;
  /** Longest wait for a vector, in milliseconds. */
  readonly waitMs: () => number;
  /** A vector by that model and no other, its cost reserved and settled. */
  readonly embed: (
    request: { readonly model: string; readonly agentId: string; readonly texts: readonly string[] },
    options: CallOptions,
  ) => Promise<Pick<Embeddings, "vectors">>;
}

export type AskedMeaning = Pick<SearchQuery, "agentId" | "text">;

/** The meaning of a question, if it comes in time: never rejects, for what its words find is found all the same. */
export type MeaningOfQuestion = (
  question: AskedMeaning,
  options: CallOptions,
) => Promise<QuestionMeaning | undefined>;

export function createMeaningOfQuestion(deps: QuestionMeaningDeps): MeaningOfQuestion {
  const { clock, logger, metrics } = deps;
  const count = metrics.counter("recall_meanings_total", "Vectors of questions that were asked for");
  let restUntilMs = Number.NEGATIVE_INFINITY;
  return async ({ agentId, text }, { signal }) => {
    if (text === undefined || clock.monotonicMs() < restUntilMs) return undefined;
    const model = deps.model();
    const waitMs = deps.waitMs();
    const late = () =>
      new TroupeError(`The model "${model}" made no vector within ${waitMs} ms.`, { code: "model.timeout" });
    using scope = linkSignal(signal, { clock, afterMs: waitMs, reason: late });
    try {
      const asked = deps.embed({ model, agentId, texts: [text] }, { signal: scope.signal });
      const [vector] = (await untilAborted(asked, scope.signal)).vectors;
      count.add(1, { outcome: "ok" });
      return vector === undefined ? undefined : { model, vector };
    } catch (error) {
      if (signal.aborted) return undefined;
      restUntilMs = clock.monotonicMs() + REST_MS;
      count.add(1, { outcome: scope.signal.aborted ? "late" : "failed" });
      logger.warn("recall.by_words", { model, error });
      return undefined;
    }
  };
}

/** A search whose questions bring their meaning, while `isWanted`. */
export function withMeaning(
  search: Pick<SearchStore, "search">,
  meaningOf: MeaningOfQuestion,
  isWanted: () => boolean,
): Pick<SearchStore, "search"> {
  return {
    search(query, options) {
      if (!isWanted()) return search.search(query, options);
      // Once for all names of whoever asks.
      let asked: Promise<QuestionMeaning | undefined> | undefined;
      const meaning = (call: CallOptions): Promise<QuestionMeaning | undefined> => {
        asked ??= meaningOf(query, call);
        return asked;
      };
      return search.search({ ...query, meaning }, options);
    },
  };
}
