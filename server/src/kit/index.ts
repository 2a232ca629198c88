/** Small helpers without policy, for every folder of the server. */
export { type LinkedSignal, linkSignal, sleep, untilAborted } from "./abort.ts";
export { hashApiKey, makeApiKey, type NewApiKey } from "./api-key.ts";
export { delayOfAttempt, nextDelayMs } from "./backoff.ts";
export { type Breaker, type BreakerState, createBreaker } from "./breaker.ts";
export { type CatalogueKey, say } from "./catalogue/index.ts";
export { systemClock } from "./clock.ts";
export { dateText } from "./date-text.ts";
export { createIdGenerator, derivedId, sessionIdFrom } from "./ids.ts";
export { detectLanguage, type Language } from "./language.ts";
export { createLogger, type LogLevel, redactText } from "./logger.ts";
export { isDocument, isImage, isTextFile, mediaTypeOf } from "./media.ts";
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Labels,
  type Metrics,
  SECONDS_BUCKETS,
} from "./metrics.ts";
export { type CallAbout, callRecord, failedCallRecord, sumCalls } from "./model-call.ts";
export { finishReasonOf, outcomeOf } from "./model-end.ts";
export { type ModelRefusal, refusedByAll, sayReason, sayRefusals } from "./model-refusals.ts";
export { hasModule } from "./module-choice.ts";
export { addUsage, costMicroUsd, dayOf, monthOf, spaceDay } from "./money.ts";
export { nearestName } from "./nearest-name.ts";
export { createRateLimit, type RateLimit } from "./rate-limit.ts";
export { referenceOf } from "./references.ts";
export { safeText } from "./safe-text.ts";
export {
  hashSignInCode,
  makeBrowserToken,
  makeSignInLink,
  type NewSignInLink,
} from "./sign-in-link.ts";
export { readTape, type Tape, tapeLines } from "./tape.ts";
export { type Redact, redacted, type TapeText, tapeText, tooLong } from "./tape-text.ts";
export { titleOf } from "./title.ts";
export { estimateTokens } from "./tokens.ts";
export { createWakeLoop, type WakeLoop, type WakeLoopOptions, within } from "./wake-loop.ts";
export { wordsOf } from "./words.ts";
export { isZone } from "./zone.ts";
