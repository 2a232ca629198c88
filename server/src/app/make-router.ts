import {
  type ClosableModelRouter,
  createModelRouter,
  type ModelRouterConfig,
  mayCost,
  openPriceBook,
  type PriceBook,
} from "../llm/index.ts";
import { createEmbeddedModels } from "../memory/index.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";
import { refusedProviders, withRefusedProviders } from "./refused-providers.ts";

/** Makes routers; the book of prices is opened with the first configuration that names a provider which may cost. */
export function routerMaker(
  { clock, random, logger, metrics, wordVectors }: Foundation,
  openBook: typeof openPriceBook = openPriceBook,
): (config: Config) => Promise<ClosableModelRouter> {
  let book: Promise<PriceBook> | undefined;
  const embedded = createEmbeddedModels({ wordVectors });
  return async (config) => {
    const isPaid = Object.values(config.providers).some(mayCost);
    // One that could not be opened is asked for again by the next reload.
    if (isPaid)
      book ??= openBook(clock).catch((error: unknown) => {
        book = undefined;
        throw error;
      });
    const refused = refusedProviders(config.unreadable);
    const refusalOf = (provider: string): string | undefined => refused.get(provider);
    const deps = { clock, random, logger, metrics, refusalOf, embedded, priceBook: await book };
    return withRefusedProviders(
      createModelRouter({ ...deps, config: modelSettings(config) }),
      config.unreadable,
    );
  };
}

function modelSettings({ providers, models, prices }: Config): ModelRouterConfig {
  return { providers, models, prices };
}
