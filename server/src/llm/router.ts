import { createHash } from "node:crypto";
import {
  type Clock,
  type EmbeddingModel,
  type EmbeddingRouter,
  type EmbeddingSource,
  type Logger,
  type ModelCatalogue,
  type ModelChoice,
  type ModelPrice,
  type ModelRouter,
  type ProviderHealth,
  type TokenPrice,
  TroupeError,
} from "@troupe/contracts";
import { type Metrics, nearestName, SECONDS_BUCKETS } from "../kit/index.ts";
import { createCatalogue } from "./catalogue.ts";
import { type EmbeddingChoice, embedWith } from "./embed.ts";
import { type FailoverDeps, streamWithFailover } from "./failover.ts";
import { createGuards } from "./guards.ts";
import { OFFLINE_MODEL_ID, OFFLINE_PROVIDER } from "./offline/model.ts";
import type { PriceBook } from "./price-book.ts";
import type { Provider } from "./provider.ts";
import type { ProviderConfig } from "./providers/kinds.ts";
import { openProvider } from "./providers/open-provider.ts";

/** What `troupe.yaml` says about models, already validated. */
export interface ModelRouterConfig {
  /** By name. `offline` exists without being named. */
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  /** Logical names, each a list of `provider/model` in order of preference. */
  readonly models: Readonly<Record<string, readonly string[]>>;
  /**
   * By `provider/model`, US dollars per million tokens, before any other source. Tokens to and from a cache cost what input
   * costs when they are not named.
   */
  readonly prices?: Readonly<Record<string, PriceConfig>> | undefined;
}

export interface PriceConfig extends RateConfig {
  readonly tiers?: readonly (RateConfig & { readonly aboveInputTokens: number })[] | undefined;
}

interface RateConfig {
  readonly inputUsdPerMillion: number;
  readonly cachedInputUsdPerMillion?: number | undefined;
  readonly cacheWriteUsdPerMillion?: number | undefined;
  readonly outputUsdPerMillion: number;
}

export interface ModelRouterDeps {
  readonly config: ModelRouterConfig;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Prices of models that the configuration tells none of; absent where no provider may cost. */
  readonly priceBook?: PriceBook | undefined;
  /** Of a provider that is not to be asked, why: its key could not be opened. */
  readonly refusalOf?: (provider: string) => string | undefined;
  /** Embedding models that are there without being configured. */
  readonly embedded?: EmbeddingSource | undefined;
}

/** The router, and the end of its connections. A reload makes a new one and closes the old one when its calls are done. */
export interface ClosableModelRouter extends ModelRouter, EmbeddingRouter, ModelCatalogue {
  /** Of the providers that were asked so far. */
  health(): readonly ProviderHealth[];
  close(): Promise<void>;
}

const FREE: ModelPrice = { inputUsdPerMillion: 0, cachedInputUsdPerMillion: 0, outputUsdPerMillion: 0 };

/** A list of this name exists without being configured. */
const EMBEDDING_LIST = "embedding";

export function createModelRouter({
  config: configured,
  clock,
  random,
  logger,
  metrics,
  priceBook,
  refusalOf = () => undefined,
  embedded,
}: ModelRouterDeps): ClosableModelRouter {
  const config = withEmbedded(configured, embedded);
  const providers = new Map<string, Provider>();
  const single = new Map<string, ModelChoice>();
  const lists = new Map<string, readonly ModelChoice[]>();
  const listNames = new WeakMap<readonly ModelChoice[], string>();
  const guards = createGuards({
    clock,
    metrics,
    requestsPerMinute: (provider) => configOf(config, provider)?.requestsPerMinute,
  });
  const failover: FailoverDeps = {
    ...{ clock, random, logger, guards },
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
    const opened = openProvider(name, configOf(config, name), { clock, random, embedded });
    if (opened === undefined) throw unknownModel(config, name, `Provider "${name}" is not configured.`);
    providers.set(name, opened);
    return opened;
  };

  const choiceOf = (name: string): ModelChoice => {
    const known = single.get(name);
    if (known !== undefined) return known;
    const choice = makeChoice(name, { config, providerOf, priceBook });
    single.set(name, choice);
    return choice;
  };

  return {
    choices(name) {
      const known = lists.get(name);
      if (known !== undefined) return known;
      const choices = namesOf(config, name).map(choiceOf);
      lists.set(name, choices);
      if (Object.hasOwn(config.models, name)) listNames.set(choices, name);
      return choices;
    },
    stream: (choices, request, options) =>
      streamWithFailover(choices, request, options, failover, listNames.get(choices)),
    async embed(request, options) {
      const choices = namesOf(config, request.name).map((name) => embeddingOf(name, providerOf, refusalOf));
      const list = Object.hasOwn(config.models, request.name) ? request.name : undefined;
      return embedWith(choices, request, options, { ...failover, list });
    },
    list: createCatalogue({
      ...{ providerOf, refusalOf, priceBook, clock },
      providers: providerNames(config, embedded),
      configOf: (name) => configOf(config, name),
      priceOf: (name) => priceOf(config, name),
    }).list,
    health: () => guards.health(),
    async close() {
      guards.close();
      await Promise.all([...providers.values()].map((provider) => provider.close()));
    },
  };
}

/** The models that ship with Troupe cost nothing, and are the embedding models where nobody names others. */
function withEmbedded(config: ModelRouterConfig, embedded: EmbeddingSource | undefined): ModelRouterConfig {
  if (embedded === undefined) return config;
  const names = embedded.modelIds.map((id) => `${embedded.provider}/${id}`);
  const free = { inputUsdPerMillion: 0, outputUsdPerMillion: 0 };
  return {
    ...config,
    models: { [EMBEDDING_LIST]: names.slice(0, 1), ...config.models },
    prices: { ...Object.fromEntries(names.map((name) => [name, free])), ...config.prices },
  };
}

function providerNames(
  { providers }: ModelRouterConfig,
  embedded: EmbeddingSource | undefined,
): readonly string[] {
  const builtIn = embedded === undefined ? [OFFLINE_PROVIDER] : [OFFLINE_PROVIDER, embedded.provider];
  return [...new Set([...Object.keys(providers), ...builtIn])];
}

function makeChoice(
  name: string,
  from: {
    readonly config: ModelRouterConfig;
    readonly providerOf: (name: string) => Provider;
    readonly priceBook: PriceBook | undefined;
  },
): ModelChoice {
  const { config, providerOf, priceBook } = from;
  const slash = name.indexOf("/");
  const model = providerOf(name.slice(0, slash)).model(name.slice(slash + 1));
  const own = configOf(config, name.slice(0, slash));
  const told = priceOf(config, name);
  const keyId = keyIdOf(own);
  return {
    model,
    name,
    // Asked anew each time: some prices depend on the date and hour.
    get price() {
      return told ?? (own === undefined ? undefined : priceBook?.find(own, model.modelId));
    },
    ...(keyId === undefined ? {} : { keyId }),
  };
}

/** The models of a logical name, or the one that `provider/model` names. */
function namesOf(config: ModelRouterConfig, name: string): readonly string[] {
  const list = Object.hasOwn(config.models, name) ? config.models[name] : undefined;
  if (list !== undefined) return list;
  if (/^[^/]+\/./.test(name)) return [name];
  throw unknownModel(config, name, `No model is configured under the name "${name}".`);
}

function embeddingOf(
  name: string,
  providerOf: (name: string) => Provider,
  refusalOf: (provider: string) => string | undefined,
): EmbeddingChoice {
  const slash = name.indexOf("/");
  const provider = name.slice(0, slash);
  const modelId = name.slice(slash + 1);
  const refusal = refusalOf(provider);
  if (refusal !== undefined) return { name, model: refusedEmbedding(provider, modelId, refusal) };
  const model = providerOf(provider).embedding(modelId);
  if (model !== undefined) return { name, model };
  throw new TroupeError(
    `The provider "${provider}" makes no embeddings, so "${name}" cannot be asked for them.`,
    {
      code: "model.unknown",
    },
  );
}

/** It answers as one whose key was refused, so that the next one of the list is asked. */
function refusedEmbedding(provider: string, modelId: string, refusal: string): EmbeddingModel {
  const message = `The model "${provider}/${modelId}" was not asked. ${refusal}`;
  const embed = () => Promise.reject(new TroupeError(message, { code: "model.auth" }));
  return { provider, modelId, maxTexts: 1, embed };
}

function priceOf(config: ModelRouterConfig, name: string): ModelPrice | undefined {
  const price =
    config.prices !== undefined && Object.hasOwn(config.prices, name) ? config.prices[name] : undefined;
  if (price === undefined) return name === `${OFFLINE_PROVIDER}/${OFFLINE_MODEL_ID}` ? FREE : undefined;
  const tiers = price.tiers?.map((tier) => ({ aboveInputTokens: tier.aboveInputTokens, ...rateOf(tier) }));
  return {
    ...rateOf(price),
    ...(tiers === undefined
      ? {}
      : { tiers: tiers.toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens) }),
  };
}

function rateOf(rate: RateConfig): TokenPrice {
  const { inputUsdPerMillion, cacheWriteUsdPerMillion, outputUsdPerMillion } = rate;
  return {
    inputUsdPerMillion,
    cachedInputUsdPerMillion: rate.cachedInputUsdPerMillion ?? inputUsdPerMillion,
    ...(cacheWriteUsdPerMillion === undefined ? {} : { cacheWriteUsdPerMillion }),
    outputUsdPerMillion,
  };
}

function configOf(config: ModelRouterConfig, provider: string): ProviderConfig | undefined {
  return Object.hasOwn(config.providers, provider) ? config.providers[provider] : undefined;
}

/** Tells keys apart in the books without telling them. */
function keyIdOf(config: ProviderConfig | undefined): string | undefined {
  if (config === undefined || !("apiKey" in config) || !config.apiKey) return undefined;
  return createHash("sha256").update(config.apiKey).digest("hex").slice(0, 12);
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
