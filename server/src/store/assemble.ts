import type { ErasureStore, Logger, Scrubbed, Stores, TroupeError, UnitOfWork } from "@troupe/contracts";
import type { Dialect } from "./dialect.ts";
import { createAgentChannelStore } from "./ports/agent-channels.ts";
import { createAgentDeliveryStore } from "./ports/agent-deliveries.ts";
import { createAgentStore } from "./ports/agents.ts";
import { createAttachmentStore } from "./ports/attachments.ts";
import { createDeadLetterStore } from "./ports/dead-letters.ts";
import { createDocumentStore } from "./ports/documents.ts";
import { createDreamStore } from "./ports/dreams.ts";
import { createEffectStore } from "./ports/effects.ts";
import { createErasureStore } from "./ports/erasure.ts";
import { createFlowSignalStore } from "./ports/flow-signals.ts";
import { createFlowStore } from "./ports/flows.ts";
import { createHoldStore } from "./ports/holds.ts";
import { createInboxStore } from "./ports/inbox.ts";
import { createInboxItemStore } from "./ports/inbox-items.ts";
import { dependants } from "./ports/job-dependants.ts";
import { createJobRunStore } from "./ports/job-runs.ts";
import { createJobStore } from "./ports/jobs.ts";
import { createKeyStore } from "./ports/keys.ts";
import type { PortDeps } from "./ports/kit.ts";
import { createLeases } from "./ports/leases.ts";
import { createLedger } from "./ports/ledger.ts";
import { createMemoryStore } from "./ports/memories.ts";
import { createModuleInstanceStore } from "./ports/module-instances.ts";
import { createOutboxStore } from "./ports/outbox.ts";
import { createPersonStore } from "./ports/persons.ts";
import { createSearchStore, type WordIndex } from "./ports/search.ts";
import { createRenewal } from "./ports/search-renewal.ts";
import { createWordsRenewal } from "./ports/search-words.ts";
import { createSecretStore } from "./ports/secrets.ts";
import { createSessionStore } from "./ports/sessions.ts";
import { createSignInStore } from "./ports/sign-ins.ts";
import { createStorylineStore } from "./ports/storylines.ts";
import { createTapeStore } from "./ports/tapes.ts";
import { createTurnStore } from "./ports/turns.ts";
import { createVectorStore } from "./ports/vectors.ts";
import type { Reads } from "./reads.ts";
import type { Statements } from "./statement.ts";
import type { Writer } from "./writer.ts";

export interface StoreHealth {
  readonly ok: boolean;
  /** What failed last, until something is kept again. */
  readonly error: TroupeError | undefined;
  readonly queued: number;
}

/** A store that is open, on whatever database. */
export interface OpenStores {
  readonly stores: Stores;
  health(): StoreHealth;
  /** Migrations of a newer Troupe that the database has, and with which this one serves it. */
  readonly ahead?: readonly string[];
  /** Waits for what was handed over, then closes. Later commits are refused with `store.closed`. Repeating is harmless. */
  close(): Promise<void>;
}

/** Every port of a store, over the parts that its database brings. */
export function assembleStores(parts: {
  readonly dialect: Dialect;
  readonly statements: Statements;
  readonly reads: Reads;
  readonly unit: UnitOfWork;
  readonly logger: Logger;
  readonly wordIndex: (deps: PortDeps, unit: UnitOfWork) => WordIndex;
  /** Default: the database is not ours to write anew. */
  readonly scrub?: ErasureStore["scrub"];
}): Stores {
  const { dialect, statements, reads, unit, logger } = parts;
  const deps: PortDeps = { dialect, statements, reads, logger };
  const waitingJobs = dependants(deps);
  return {
    unit,
    sessions: createSessionStore(deps),
    attachments: createAttachmentStore(deps),
    storylines: createStorylineStore(deps),
    turns: createTurnStore(deps),
    inbox: createInboxStore(deps),
    outbox: createOutboxStore(deps),
    effects: createEffectStore(deps),
    deadLetters: createDeadLetterStore(deps),
    leases: createLeases(deps),
    ledger: createLedger(deps),
    keys: createKeyStore(deps),
    signIns: createSignInStore(deps),
    agents: createAgentStore(deps),
    memories: createMemoryStore(deps),
    vectors: createVectorStore(deps),
    documents: createDocumentStore(deps),
    dreams: createDreamStore(deps),
    search: searchOf(deps, parts),
    persons: createPersonStore(deps),
    erasure: createErasureStore(deps, parts.scrub ?? nothingToScrub),
    secrets: createSecretStore(deps),
    holds: createHoldStore(deps),
    tapes: createTapeStore(deps),
    jobs: createJobStore(deps, waitingJobs),
    jobRuns: createJobRunStore(deps, waitingJobs),
    flows: createFlowStore(deps),
    flowSignals: createFlowSignalStore(deps),
    moduleInstances: createModuleInstanceStore(deps),
    agentChannels: createAgentChannelStore(deps),
    agentDeliveries: createAgentDeliveryStore(deps),
    inboxItems: createInboxItemStore(deps),
  };
}

function searchOf(
  deps: PortDeps,
  { unit, wordIndex }: Pick<Parameters<typeof assembleStores>[0], "unit" | "wordIndex">,
): Stores["search"] {
  const search = { ...createSearchStore(deps, wordIndex(deps, unit)), renew: createRenewal(deps, unit) };
  return { ...search, indexNew: createWordsRenewal(deps, unit, search) };
}

async function nothingToScrub(): Promise<Scrubbed> {
  return {
    kind: "left",
    reason:
      "PostgreSQL keeps the bytes of deleted rows until it uses their room again; VACUUM FULL by whoever runs the server makes sure.",
  };
}

export function healthOf(writer: Writer): StoreHealth {
  const error = writer.lastFailure();
  return { ok: error === undefined, error, queued: writer.queued() };
}
