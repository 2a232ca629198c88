/** Small helpers without policy, for every folder of the server. */
export { type LinkedSignal, linkSignal, sleep, untilAborted } from "./abort.ts";
export { hashApiKey, makeApiKey, type NewApiKey } from "./api-key.ts";
export {
  calledOf,
  isEveryone,
  isKnownToAll,
  isKnownToAny,
  keptAuthor,
  keptName,
  peerNameOn,
  sharedAudience,
  shownNameOf,
  withAuthor,
  withoutAuthor,
} from "./audience.ts";
export { delayOfAttempt, nextDelayMs } from "./backoff.ts";
export { type Breaker, type BreakerState, createBreaker } from "./breaker.ts";
export { type CatalogueKey, say } from "./catalogue/index.ts";
export { systemClock } from "./clock.ts";
export { dateText } from "./date-text.ts";
export { draftFault, type EffectVersions } from "./effect-drafts.ts";
export {
  type FetchedPage,
  type GuardedAnswer,
  type GuardedCallOptions,
  type GuardedFetchOptions,
  guardedCall,
  guardedFetch,
} from "./guarded-fetch.ts";
export { createIdGenerator, derivedId, sessionIdFrom } from "./ids.ts";
export {
  activeEffects,
  endedEffects,
  type InstanceChange,
  SETTLE_EFFECT,
  SETTLE_VERSION,
  settleEffect,
} from "./instance-effects.ts";
export { DEFAULT_LANES, isLane, LANES, type LaneLimits } from "./lanes.ts";
export { detectLanguage, type Language } from "./language.ts";
export { compareTexts, comparisonWith, keysFor, likenessKeys, plainText, slotKey } from "./likeness.ts";
export { createLogger, type LogLevel, redactText, withoutSecrets } from "./logger.ts";
export { isDocument, isImage, isTextFile, mediaTypeOf } from "./media.ts";
export { createMemoryKeeper, type KeptMemory, type MemoryKeeper } from "./memory-keeper.ts";
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
export { isNoReply, mayBecomeNoReply, NO_REPLY } from "./no-reply.ts";
export { type OneAnswer, oneAnswer, smallChoices } from "./one-answer.ts";
export { createRateLimit, type RateLimit } from "./rate-limit.ts";
export { referenceOf } from "./references.ts";
export { type RingParts, ringFor, ringsOf } from "./rings.ts";
export { safeText } from "./safe-text.ts";
export { readSaidTime, type SplitTime, splitSaidTime } from "./said-time/said-time.ts";
export type { SaidClock, SaidDay, SaidTime } from "./said-time/types.ts";
export {
  hashSignInCode,
  makeBrowserToken,
  makeSignInLink,
  type NewSignInLink,
} from "./sign-in-link.ts";
export { collector, spareMemory } from "./spare-memory.ts";
export { stemOf } from "./stem.ts";
export { isStoreAway } from "./store-away.ts";
export { readTape, type Tape, tapeLines } from "./tape.ts";
export { type Redact, redacted, type TapeText, tapeText, tooLong } from "./tape-text.ts";
export { titleOf } from "./title.ts";
export { estimateTokens } from "./tokens.ts";
export { createWakeLoop, type WakeLoop, type WakeLoopOptions, within } from "./wake-loop.ts";
export { wordsOf } from "./words.ts";
export { isZone } from "./zone.ts";
