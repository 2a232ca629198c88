/** What Troupe's folders and plug-ins agree on. Types and ports only; the few values here are constants and the error class. */
export type { Agent, AgentDirectory, AgentSpec, HeartbeatSpec, LearnMode, WhileBusy } from "./agent.ts";
export type {
  AgentChannel,
  AgentChannelStore,
  AgentDelivery,
  AgentDeliveryState,
  AgentDeliveryStore,
  AgentGather,
  AgentMember,
  AgentMessage,
  AgentMessageKind,
  AgentMessageOrigin,
  NewAgentMessage,
} from "./agent-channel.ts";
export { isActivated, MAX_AGENT_MESSAGE_BYTES } from "./agent-channel.ts";
export type { ApprovalPolicy, ApprovalRequest, ApprovalRule } from "./approval.ts";
export type { Attachment, AttachmentStore, BlobContent, BlobStat, BlobStore } from "./blob.ts";
export { MAX_FILES_PER_MESSAGE } from "./blob.ts";
export { type Envelope, type EnvelopeHandler, type MessageBus, SUBJECTS } from "./bus.ts";
export type { ListedModel, ModelCatalogue, ModelListing, ProviderHealth } from "./catalogue.ts";
export type {
  Channel,
  DeliveryOutcome,
  NewOutbox,
  OutboundMessage,
  OutboxRecord,
  OutboxState,
  OutboxStore,
  ReceivingChannel,
  VerifiableChannel,
} from "./channel.ts";
export type {
  DeadLetter,
  DeadLetterChoice,
  DeadLetterDetail,
  DeadLetterQuery,
  DeadLetterSource,
  DeadLetterStore,
} from "./dead-letter.ts";
export type { DocumentStore, KnowledgeDocument } from "./document.ts";
export type { Dream, DreamStore, MemoryRecall, RecallStanding } from "./dream.ts";
export type {
  ClaimedEffect,
  Effect,
  EffectHandler,
  EffectOutcome,
  EffectRecord,
  EffectRetry,
  EffectState,
  EffectStore,
  EffectTrouble,
  EffectVersion,
  LaneBacklog,
  NewEffect,
} from "./effect.ts";
export { EFFECT_PRIORITY } from "./effect.ts";
export type * from "./embedding.ts";
export type { Episode, EpisodeMemory, EpisodeMemoryFacts, EpisodeQuery, NewEpisode } from "./episode.ts";
export type { ErasedPeer, ErasedRows, ErasureStore, Scrubbed } from "./erasure.ts";
export { type ErrorCode, TroupeError, type TroupeErrorOptions } from "./errors.ts";
export type {
  FlowChange,
  FlowDeadline,
  FlowEvent,
  FlowReason,
  FlowRun,
  FlowState,
  FlowStatus,
  FlowTurn,
  FlowWait,
  FlowWaitOn,
} from "./flow.ts";
export type {
  ChildFlow,
  FlowContext,
  FlowDefinition,
  FlowDetails,
  FlowNext,
  FlowOccurrence,
  FlowPort,
  FlowProgram,
  FlowResult,
  FlowStep,
  FlowView,
  StartFlow,
} from "./flow-definition.ts";
export type {
  FlowDrive,
  FlowMatch,
  FlowMove,
  FlowQuery,
  FlowSignal,
  FlowSignalStore,
  FlowStore,
  NewFlow,
  ParkedCount,
} from "./flow-store.ts";
export type {
  AnyHook,
  EffectDraft,
  GatewayView,
  Hook,
  HookFailure,
  HookOptions,
  HookPoint,
  HookPoints,
  Hooks,
  HookTurn,
  InboundVerdict,
  InboundView,
  ListeningPoint,
  MessageGateOutcome,
  SessionView,
  ToolCallVerdict,
  ToolCallView,
  ToolGateOutcome,
  ToolResultView,
  TurnEndChange,
  TurnEndView,
} from "./hooks.ts";
export type {
  AcceptResult,
  Admission,
  ClaimedTurn,
  Gate,
  InboundMessage,
  Inbox,
  LaneTicket,
  ReplyAddress,
  RunningTurn,
  SessionControl,
  SessionRemoval,
  TurnControl,
  TurnIntake,
  TurnPreview,
  Verdict,
} from "./inbox.ts";
export type {
  InboxEntry,
  InboxItem,
  InboxItemStore,
  InboxOwners,
  NewNotice,
  Notices,
} from "./inbox-item.ts";
export { INBOX_CHANNEL, MAX_INBOX_ITEMS, MAX_INBOX_TEXT, OPERATOR_ID } from "./inbox-item.ts";
export type {
  ClaimedJob,
  Job,
  JobChange,
  JobCounts,
  JobDelivery,
  JobKind,
  JobOrigin,
  JobQuery,
  JobRun,
  JobRunState,
  JobRunStore,
  JobSchedule,
  JobSpec,
  JobState,
  JobStore,
  JobTime,
  JobUntil,
  JobWork,
  NewJob,
  SettledRun,
} from "./job.ts";
export type { JobAction, JobAsker, JobInput, JobPort } from "./job-port.ts";
export type {
  ClosedMemory,
  MemoryAttributes,
  MemoryClose,
  MemoryClosing,
  MemoryCount,
  MemoryEmotion,
  MemoryKind,
  MemoryLikeness,
  MemoryProof,
  MemoryQuery,
  MemoryRecord,
  MemoryScope,
  MemoryStore,
  NewMemory,
} from "./memory.ts";
export { MAX_ATTRIBUTE_BYTES, MEMORY_KINDS } from "./memory.ts";
export type {
  Audience,
  Author,
  FilePart,
  Message,
  MessageOutcome,
  MessagePart,
  MessageRole,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from "./message.ts";
export { EVERYONE, filesOf, MAX_AUTHOR_NAME, openCallsOf, textOf } from "./message.ts";
export type {
  BrokenCall,
  FailedModelCall,
  LanguageModel,
  ModelAbilities,
  ModelChoice,
  ModelEvent,
  ModelHints,
  ModelMessage,
  ModelPrice,
  ModelReasoning,
  ModelRequest,
  ModelRetry,
  ModelRouter,
  ModelToolCall,
  ResponseFormat,
  TokenPrice,
} from "./model.ts";
export type {
  AddedInstance,
  ContextModule,
  Contribution,
  DecisionView,
  InstanceAction,
  Module,
  ModuleDecision,
  ModuleTasks,
  Standing,
  StandingBlock,
  TurnView,
  UnsureDecision,
} from "./module.ts";
export { MAX_INSTANCE_ACTIONS, MAX_OPEN_INSTANCES } from "./module.ts";
export type {
  DependencyStatus,
  IfDependencyFails,
  ModuleCallbacks,
  ModuleDependency,
  ModuleInstance,
  ModuleInstanceOutcome,
  ModuleInstanceState,
  ModuleInstanceStore,
  NewModuleInstance,
} from "./module-instance.ts";
export type {
  AccountKey,
  AccountLimit,
  AccountScope,
  AccountState,
  AppliedBudget,
  AtLimit,
  Budgets,
  Ledger,
  LimitVerdict,
  ModelCallRecord,
  Reservation,
  Spender,
  UsageDimension,
  UsageQuery,
  UsageReport,
  UsageSum,
} from "./money.ts";
export type * from "./person.ts";
export type {
  OpenStoryline,
  PlaceChoice,
  PlacedHow,
  PlacedText,
  Placement,
  PlaceQuery,
  Placer,
} from "./placer.ts";
export type { ClockSpan, QuietHours, QuietTimes } from "./quiet-hours.ts";
export type {
  CallOptions,
  Clock,
  IdGenerator,
  LogFields,
  Logger,
  Page,
  PageQuery,
  Principal,
  WaitingCount,
} from "./runtime.ts";
export { DEFAULT_SPACE_ID } from "./runtime.ts";
export type { DataKeyRow, Hold, HoldStore, SecretKey, SecretRow, SecretStore } from "./secrets.ts";
export { SPACE_OWNER } from "./secrets.ts";
export type { Compaction, Handoff, NewStoryline, Session, SessionSummary, Storyline } from "./session.ts";
export type * from "./sign-in.ts";
export type {
  AgentStore,
  Committed,
  HistoryQuery,
  KeyRecord,
  KeyStore,
  NewBranch,
  NewMessage,
  QuestionMeaning,
  RemovedSession,
  SearchHit,
  SearchQuery,
  SearchStore,
  SessionQuery,
  SessionStore,
  SessionTouch,
  StorylineStore,
  StorylineTurn,
  UnitOfWork,
  Write,
} from "./store.ts";
export type { Stores } from "./stores.ts";
export type {
  ReplayVerdict,
  TapeCall,
  TapeChoice,
  TapeDifference,
  TapeEnd,
  TapeError,
  TapeFailure,
  TapeHistoryTurn,
  TapeJoin,
  TapeLine,
  TapeMessage,
  TapePart,
  TapeRecord,
  TapeStore,
  TapeToolCall,
  TapeTools,
  TapeTurn,
} from "./tape.ts";
export type {
  JsonSchema,
  Tool,
  Toolbox,
  ToolContext,
  ToolKind,
  ToolOutput,
  ToolRetry,
  ToolSet,
  ToolSource,
  ToolSpec,
} from "./tool.ts";
export type {
  AfterEnd,
  AgentCause,
  ClientOptions,
  ClientTool,
  DirectCall,
  FinishReason,
  GivenMessage,
  InboundState,
  Lane,
  ModelStepOutput,
  PromptBlock,
  SourceReference,
  StepName,
  ToolChoice,
  ToolStatus,
  TraceEntry,
  Trigger,
  Turn,
  TurnCause,
  TurnError,
  TurnEvent,
  TurnEventBody,
  TurnFeed,
  TurnListener,
  TurnPayload,
  TurnState,
  TurnStep,
  Usage,
} from "./turn.ts";
export { NO_USAGE } from "./turn.ts";
export type {
  FinishedTurn,
  InboundRecord,
  InboxStore,
  Leases,
  NewTurn,
  ProcessRecord,
  TurnOutlook,
  TurnQuery,
  TurnStore,
} from "./turn-store.ts";
export type { CausedMessage, TurnBranch, TurnOrigin, TurnReference, TurnTree } from "./turn-tree.ts";
export type * from "./vector.ts";
