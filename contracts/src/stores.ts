import type { AgentChannelStore, AgentDeliveryStore } from "./agent-channel.ts";
import type { AttachmentStore } from "./blob.ts";
import type { OutboxStore } from "./channel.ts";
import type { DeadLetterStore } from "./dead-letter.ts";
import type { DocumentStore } from "./document.ts";
import type { DreamStore } from "./dream.ts";
import type { EffectStore } from "./effect.ts";
import type { ErasureStore } from "./erasure.ts";
import type { FlowSignalStore, FlowStore } from "./flow-store.ts";
import type { InboxItemStore } from "./inbox-item.ts";
import type { JobRunStore, JobStore } from "./job.ts";
import type { MemoryStore } from "./memory.ts";
import type { ModuleInstanceStore } from "./module-instance.ts";
import type { Ledger } from "./money.ts";
import type { PersonStore } from "./person.ts";
import type { HoldStore, SecretStore } from "./secrets.ts";
import type { SignInStore } from "./sign-in.ts";
import type { AgentStore, KeyStore, SearchStore, SessionStore, StorylineStore, UnitOfWork } from "./store.ts";
import type { TapeStore } from "./tape.ts";
import type { InboxStore, Leases, TurnStore } from "./turn-store.ts";
import type { VectorIndexStore, VectorStore } from "./vector.ts";

/** Everything that a store adapter brings. Folders take the ports they need, never the whole. */
export interface Stores {
  readonly unit: UnitOfWork;
  readonly sessions: SessionStore;
  readonly attachments: AttachmentStore;
  readonly storylines: StorylineStore;
  readonly turns: TurnStore;
  readonly inbox: InboxStore;
  readonly outbox: OutboxStore;
  readonly effects: EffectStore;
  readonly deadLetters: DeadLetterStore;
  readonly leases: Leases;
  readonly ledger: Ledger;
  readonly keys: KeyStore;
  readonly signIns: SignInStore;
  readonly agents: AgentStore;
  readonly memories: MemoryStore;
  readonly search: SearchStore;
  readonly vectors: VectorStore;
  /** Absent where the database has nothing of the kind. */
  readonly vectorIndex?: VectorIndexStore | undefined;
  readonly documents: DocumentStore;
  readonly persons: PersonStore;
  readonly dreams: DreamStore;
  readonly erasure: ErasureStore;
  readonly secrets: SecretStore;
  readonly holds: HoldStore;
  readonly tapes: TapeStore;
  readonly jobs: JobStore;
  readonly jobRuns: JobRunStore;
  readonly flows: FlowStore;
  readonly flowSignals: FlowSignalStore;
  readonly moduleInstances: ModuleInstanceStore;
  readonly agentChannels: AgentChannelStore;
  readonly agentDeliveries: AgentDeliveryStore;
  readonly inboxItems: InboxItemStore;
}
