/** Work behind the turns: delivering replies, running effects, and the process's lease on what it has claimed. */
export { createBacklogWatch } from "./backlog-watch.ts";
export { type BlobSweepDeps, createBlobSweep } from "./blob-sweep.ts";
export { createEffectWorkers, type EffectWorkers, type EffectWorkersDeps } from "./effect-workers.ts";
export { createInboxChannel, type InboxChannelDeps } from "./inbox-channel.ts";
export { createNotices, type NoticesDeps } from "./notices.ts";
export { createProcessLease, type ProcessLease, type ProcessLeaseDeps } from "./process-lease.ts";
export { createReceivers, type Receivers, type ReceiversDeps } from "./receivers.ts";
export { createRelay, type Relay, type RelayDeps } from "./relay.ts";
