/** Small helpers without policy, for every folder of the server. */
export { type LinkedSignal, linkSignal, sleep, untilAborted } from "./abort.ts";
export { delayOfAttempt, nextDelayMs } from "./backoff.ts";
export { type CatalogueKey, say } from "./catalogue/index.ts";
export { systemClock } from "./clock.ts";
export { createIdGenerator, derivedId } from "./ids.ts";
export { detectLanguage, type Language } from "./language.ts";
export { createLogger, type LogLevel, redactText } from "./logger.ts";
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Labels,
  type Metrics,
  SECONDS_BUCKETS,
} from "./metrics.ts";
export { addUsage, costMicroUsd, dayOf } from "./money.ts";
export { nearestName } from "./nearest-name.ts";
export { titleOf } from "./title.ts";
export { estimateTokens } from "./tokens.ts";
export { createWakeLoop, type WakeLoop, type WakeLoopOptions, within } from "./wake-loop.ts";
export { wordsOf } from "./words.ts";
