import {
  type CallOptions,
  type Clock,
  type ListedModel,
  type ModelCatalogue,
  type ModelListing,
  type ModelPrice,
  TroupeError,
} from "@troupe/contracts";
import { hasEyes } from "./openai/model-names.ts";
import type { PriceBook } from "./price-book.ts";
import type { Provider } from "./provider.ts";
import type { ProviderConfig } from "./providers/kinds.ts";

/** Lists change rarely, and some are long. */
const KEPT_MS = 5 * 60_000;

export interface CatalogueDeps {
  /** Every configured provider, `offline` included. */
  readonly providers: readonly string[];
  /** Throws `model.unknown`. */
  readonly providerOf: (name: string) => Provider;
  readonly configOf: (name: string) => ProviderConfig | undefined;
  /** Of a provider that is not to be asked, why. */
  readonly refusalOf: (name: string) => string | undefined;
  readonly priceOf: (name: string) => ModelPrice | undefined;
  readonly priceBook: PriceBook | undefined;
  readonly clock: Clock;
}

export function createCatalogue(deps: CatalogueDeps): ModelCatalogue {
  const kept = new Map<string, { readonly atMs: number; readonly models: readonly ListedModel[] }>();

  const listOf = async (name: string, options: CallOptions): Promise<readonly ListedModel[]> => {
    const known = kept.get(name);
    if (known !== undefined && deps.clock.monotonicMs() - known.atMs < KEPT_MS) return known.models;
    const refusal = deps.refusalOf(name);
    if (refusal !== undefined) {
      throw new TroupeError(`The provider "${name}" was not asked. ${refusal}`, { code: "model.auth" });
    }
    const rows = await deps.providerOf(name).listModels(options);
    const models = rows
      .map((row) => describe(deps, name, row))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
    kept.set(name, { atMs: deps.clock.monotonicMs(), models });
    return models;
  };

  return {
    async list({ provider }, options): Promise<ModelListing> {
      // A name that is not configured is told before anybody is asked.
      if (provider !== undefined) deps.providerOf(provider);
      const names = provider === undefined ? deps.providers : [provider];
      const failures: { provider: string; error: TroupeError }[] = [];
      const lists = await Promise.all(
        names.map(async (name) => {
          try {
            return await listOf(name, options);
          } catch (error) {
            if (options.signal.aborted) throw options.signal.reason;
            if (!TroupeError.is(error)) throw error;
            failures.push({ provider: name, error });
            return [];
          }
        }),
      );
      return { models: lists.flat(), failures };
    },
  };
}

/** What the server says goes before what is published, and that before what the name tells. */
function describe(
  deps: CatalogueDeps,
  provider: string,
  row: Omit<ListedModel, "provider" | "name">,
): ListedModel {
  const name = `${provider}/${row.id}`;
  const config = deps.configOf(provider);
  const book = config === undefined ? undefined : deps.priceBook;
  const price = deps.priceOf(name) ?? (config && book?.find(config, row.id));
  const contextWindow =
    row.contextWindow ?? config?.contextWindow ?? (config && book?.windowOf(config, row.id));
  const images = row.images ?? config?.images ?? (hasEyes(row.id) || undefined);
  return {
    ...row,
    provider,
    name,
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(images === undefined ? {} : { images }),
    ...(price === undefined ? {} : { price }),
  };
}
