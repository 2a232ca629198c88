import type { TroupeError } from "./errors.ts";
import type { ModelPrice } from "./model.ts";
import type { CallOptions } from "./runtime.ts";

/** A model as its provider's server, or public data about it, describes it. What nobody tells is absent. */
export interface ListedModel {
  /** Name of the configured provider. */
  readonly provider: string;
  /** As its provider calls it. */
  readonly id: string;
  /** `provider/model`, as configuration names it. */
  readonly name: string;
  /** It makes vectors, not answers. */
  readonly isEmbedding: boolean;
  /** Tokens that it reads in one call. */
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  readonly images?: boolean;
  readonly tools?: boolean;
  readonly reasoning?: boolean;
  /** As configured, or as public data tells it. */
  readonly price?: ModelPrice;
}

export interface ModelListing {
  /** By provider, then by id. */
  readonly models: readonly ListedModel[];
  /** Providers that could not be asked, and why. */
  readonly failures: readonly { readonly provider: string; readonly error: TroupeError }[];
}

/** Which models there are to choose from. */
export interface ModelCatalogue {
  /**
   * Asks the servers of all configured providers, or of one, side by side; what one of them answers is kept for some
   * minutes. Rejects with `model.unknown` for a provider that is not configured, and with the signal's reason.
   */
  list(query: { readonly provider?: string }, options: CallOptions): Promise<ModelListing>;
}

/** How a provider stands: asked as usual, left alone after failures, or tried with one call. */
export interface ProviderHealth {
  readonly provider: string;
  readonly state: "closed" | "open" | "half-open";
  /** In a row. */
  readonly failures: number;
  /** UTC milliseconds from which it is tried again; only while it is left alone. */
  readonly openUntil?: number;
  /** What it said last, while it does not work. */
  readonly lastError?: string;
}
