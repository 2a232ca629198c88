import {
  type Clock,
  type LanguageModel,
  type Logger,
  type ModelChoice,
  type ModelPrice,
  type ModelRouter,
  TroupeError,
} from "@troupe/contracts";
import { type Metrics, nearestName, SECONDS_BUCKETS } from "../kit/index.ts";
import { type FailoverDeps, streamWithFailover } from "./failover.ts";
import { createOfflineModel, OFFLINE_MODEL_ID, OFFLINE_PROVIDER } from "./offline/model.ts";
import type { OpenAiCompatibleConfig } from "./openai/config.ts";
import { createOpenAiCompatibleProvider, type OpenAiCompatibleProvider } from "./openai/provider.ts";

export type ProviderConfig =
  | ({ readonly kind: "openai-compatible" } & Omit<OpenAiCompatibleConfig, "name">)
  | { readonly kind: "offline" };

/** What `troupe.yaml` says about models, already validated. */
export interface ModelRouterConfig {
  /** By name. `offline` exists without being named. */
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  /** Logical names, each a list of `provider/model` in order of preference. */
  readonly models: Readonly<Record<string, readonly string[]>>;
  /** By `provider/model`, US dollars per million tokens. Cached input costs what input costs when it is not named. */
  readonly prices?: Readonly<Record<string, PriceConfig>> | undefined;
}

export interface PriceConfig {
  readonly inputUsdPerMillion: number;
  readonly cachedInputUsdPerMillion?: number | undefined;
  readonly outputUsdPerMillion: number;
}

export interface ModelRouterDeps {
  readonly config: ModelRouterConfig;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The router, and the end of its connections. A reload makes a new one and closes the old one when its calls are done. */
export interface ClosableModelRouter extends ModelRouter {
  close(): Promise<void>;
}

interface Provider {
  model(modelId: string): LanguageModel;
  close(): Promise<void>;
}

const FREE: ModelPrice = { inputUsdPerMillion: 0, cachedInputUsdPerMillion: 0, outputUsdPerMillion: 0 };

export function createModelRouter({
  config,
  clock,
  random,
  logger,
  metrics,
}: ModelRouterDeps): ClosableModelRouter {
  const providers = new Map<string, Provider>();
  const single = new Map<string, ModelChoice>();
  const lists = new Map<string, readonly ModelChoice[]>();
  const listNames = new WeakMap<readonly ModelChoice[], string>();
  const failover: FailoverDeps = {
    clock,
    random,
    logger,
    attempts: metrics.counter("troupe_model_attempts_total", "Calls of models by outcome, retries included."),
    firstEventSeconds: metrics.histogram(
      "troupe_model_first_event_seconds",
      "From asking a model to the first event of its answer.",
      SECONDS_BUCKETS,
    ),
  };

  const providerOf = (name: string): Provider => {
    const known = providers.get(name);
    if (known !== undefined) return known;
    const own = Object.hasOwn(config.providers, name) ? config.providers[name] : undefined;
    const opened = openProvider(name, own, { clock, random });
    if (opened === undefined) throw unknownModel(config, name, `Provider "${name}" is not configured.`);
    providers.set(name, opened);
    return opened;
  };

  const choiceOf = (name: string): ModelChoice => {
    const known = single.get(name);
    if (known !== undefined) return known;
    const slash = name.indexOf("/");
    const provider = providerOf(name.slice(0, slash));
    const model = provider.model(name.slice(slash + 1));
    const choice: ModelChoice = { model, name, price: priceOf(config, name) };
    single.set(name, choice);
    return choice;
  };

  return {
    choices(name) {
      const known = lists.get(name);
      if (known !== undefined) return known;
      const list = Object.hasOwn(config.models, name) ? config.models[name] : undefined;
      if (list === undefined && !/^[^/]+\/./.test(name)) {
        throw unknownModel(config, name, `No model is configured under the name "${name}".`);
      }
      const choices = list === undefined ? [choiceOf(name)] : list.map(choiceOf);
      lists.set(name, choices);
      if (list !== undefined) listNames.set(choices, ` for "${name}"`);
      return choices;
    },
    stream: (choices, request, options) =>
      streamWithFailover(choices, request, options, failover, listNames.get(choices) ?? ""),
    async close() {
      await Promise.all([...providers.values()].map((provider) => provider.close()));
    },
  };
}

/** Making a provider opens nothing; its first call does. */
function openProvider(
  name: string,
  config: ProviderConfig | undefined,
  deps: { readonly clock: Clock; readonly random: () => number },
): Provider | undefined {
  if (config?.kind === "openai-compatible") {
    const provider: OpenAiCompatibleProvider = createOpenAiCompatibleProvider({ ...config, name }, deps);
    return provider;
  }
  if (config === undefined && name !== OFFLINE_PROVIDER) return undefined;
  return {
    model(modelId) {
      if (modelId !== OFFLINE_MODEL_ID) {
        const message = `The offline provider has no model "${modelId}". Did you mean "${name}/${OFFLINE_MODEL_ID}"?`;
        throw new TroupeError(message, { code: "model.unknown" });
      }
      return createOfflineModel(name);
    },
    close: () => Promise.resolve(),
  };
}

function priceOf(config: ModelRouterConfig, name: string): ModelPrice | undefined {
  const price =
    config.prices !== undefined && Object.hasOwn(config.prices, name) ? config.prices[name] : undefined;
  if (price === undefined) return name === `${OFFLINE_PROVIDER}/${OFFLINE_MODEL_ID}` ? FREE : undefined;
  return {
    inputUsdPerMillion: price.inputUsdPerMillion,
    cachedInputUsdPerMillion: price.cachedInputUsdPerMillion ?? price.inputUsdPerMillion,
    outputUsdPerMillion: price.outputUsdPerMillion,
  };
}

function unknownModel(config: ModelRouterConfig, name: string, what: string): TroupeError {
  const isProvider = what.startsWith("Provider");
  const known = isProvider
    ? [...new Set([...Object.keys(config.providers), OFFLINE_PROVIDER])]
    : [
        ...new Set([
          ...Object.keys(config.models),
          ...Object.values(config.models).flat(),
          `${OFFLINE_PROVIDER}/${OFFLINE_MODEL_ID}`,
        ]),
      ];
  const meant = nearestName(name, known);
  const guess = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  return new TroupeError(`${what}${guess} Known: ${known.toSorted().join(", ")}.`, { code: "model.unknown" });
}
