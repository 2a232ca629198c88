/** Models: the router over configured providers, OpenAI's chat dialect, and the offline guide. */
export { createOfflineModel, OFFLINE_MODEL_ID, OFFLINE_PROVIDER } from "./offline/model.ts";
export { SUMMARY_MARK } from "./offline/summary.ts";
export type { OpenAiCompatibleConfig, OpenAiTimeouts } from "./openai/config.ts";
export {
  createOpenAiCompatibleProvider,
  type OpenAiCompatibleDeps,
  type OpenAiCompatibleProvider,
} from "./openai/provider.ts";
export {
  type ClosableModelRouter,
  createModelRouter,
  type ModelRouterConfig,
  type ModelRouterDeps,
  type PriceConfig,
  type ProviderConfig,
} from "./router.ts";
