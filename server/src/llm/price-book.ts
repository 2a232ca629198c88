import type { Clock, ModelPrice, TokenPrice } from "@troupe/contracts";
import { addressOf, isOfThisNetwork } from "./local-address.ts";
import { BASE_URLS, type ProviderKind } from "./providers/kinds.ts";

/** Where a model is reached, as far as its price depends on it. */
export interface PricedProvider {
  /** As configured: `openai`, `openai-compatible`, … */
  readonly kind: string;
  readonly baseUrl?: string | undefined;
}

/** What providers publish, as of the package's release; nothing is fetched. */
export interface PriceBook {
  /** The price at this hour; undefined where nobody published one. */
  find(provider: PricedProvider, modelId: string): ModelPrice | undefined;
  /** Tokens that the model reads in one call. */
  windowOf(provider: PricedProvider, modelId: string): number | undefined;
}

/** The catalogue's price of one kind of token: dollars a million, from some number of input tokens on another amount. */
type Rate = number | { readonly base: number; readonly tiers: readonly { start: number; price: number }[] };
type Rates = Readonly<Record<string, Rate | undefined>>;

/** Some prices change at certain half hours of the day. Source: the constraints of the catalogue. */
const HALF_HOUR_MS = 30 * 60_000;

/** Whether a provider may send a bill: one in this network is somebody's own. */
export function mayCost({ kind, baseUrl }: PricedProvider): boolean {
  return kind !== "offline" && !isOfThisNetwork(addressOf(baseUrl ?? BASE_URLS[kind as ProviderKind]));
}

/** Loads the catalogue: about 20 MB of memory, so only where a provider may cost. */
export async function openPriceBook(clock: Pick<Clock, "now">): Promise<PriceBook> {
  const { calcPrice, findProvider } = await import("@pydantic/genai-prices");
  const known = new Map<string, ModelPrice | undefined>();
  let knownAt = -1;
  const published = (provider: PricedProvider, modelId: string): ReturnType<typeof calcPrice> => {
    const found =
      provider.baseUrl === undefined
        ? findProvider({ providerId: provider.kind })
        : findProvider({ providerApiUrl: provider.baseUrl });
    if (found === undefined) return null;
    return calcPrice({ input_tokens: 0 }, modelId, { provider: found, timestamp: new Date(clock.now()) });
  };
  return {
    windowOf: (provider, modelId) => published(provider, modelId)?.model.context_window,
    find(provider, modelId) {
      if (!mayCost(provider)) return undefined;
      const at = Math.floor(clock.now() / HALF_HOUR_MS);
      if (at !== knownAt) known.clear();
      knownAt = at;
      const key = `${provider.kind} ${provider.baseUrl ?? ""} ${modelId}`;
      if (known.has(key)) return known.get(key);
      const calculated = published(provider, modelId);
      const price = calculated === null ? undefined : priceOf(calculated.model_price as Rates);
      known.set(key, price);
      return price;
    },
  };
}

function priceOf(rates: Rates): ModelPrice | undefined {
  const { input_mtok, cache_read_mtok, cache_write_mtok, output_mtok } = rates;
  if (input_mtok === undefined && output_mtok === undefined) return undefined;
  const at = (inputTokens: number): TokenPrice => {
    const input = amountOf(input_mtok, inputTokens) ?? 0;
    const cacheWrite = amountOf(cache_write_mtok, inputTokens);
    return {
      inputUsdPerMillion: input,
      cachedInputUsdPerMillion: amountOf(cache_read_mtok, inputTokens) ?? input,
      ...(cacheWrite === undefined ? {} : { cacheWriteUsdPerMillion: cacheWrite }),
      outputUsdPerMillion: amountOf(output_mtok, inputTokens) ?? 0,
    };
  };
  const starts = [input_mtok, cache_read_mtok, cache_write_mtok, output_mtok].flatMap((rate) =>
    typeof rate === "object" ? rate.tiers.map(({ start }) => start) : [],
  );
  const tiers = [...new Set(starts)]
    .toSorted((a, b) => a - b)
    .map((start) => ({ aboveInputTokens: start, ...at(start + 1) }));
  return { ...at(0), ...(tiers.length === 0 ? {} : { tiers }) };
}

/** What a million tokens cost in a call that reads so many. */
function amountOf(rate: Rate | undefined, inputTokens: number): number | undefined {
  if (typeof rate !== "object") return rate;
  return rate.tiers
    .toSorted((a, b) => a.start - b.start)
    .reduce((price, tier) => (inputTokens > tier.start ? tier.price : price), rate.base);
}
