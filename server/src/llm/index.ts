/** Models: the router over configured providers, OpenAI's chat dialect, and the offline guide. */
export { createOfflineModel, OFFLINE_MODEL_ID, OFFLINE_PROVIDER } from "./offline/model.ts";
export type { OpenAiCompatibleConfig, OpenAiTimeouts } from "./openai/config.ts";
export {
  createOpenAiCompatibleProvider,
  type OpenAiCompatibleDeps,
  type OpenAiCompatibleProvider,
} from "./openai/provider.ts";
export { mayCost, openPriceBook, type PriceBook, type PricedProvider } from "./price-book.ts";
export { BASE_URLS, type ProviderConfig, type ProviderKind } from "./providers/kinds.ts";
export { openProvider } from "./providers/open-provider.ts";
export {
  type ClosableModelRouter,
  createModelRouter,
  type ModelRouterConfig,
  type ModelRouterDeps,
  type PriceConfig,
} from "./router.ts";
export { createTapeModel } from "./tape-model.ts";
