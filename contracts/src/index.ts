/** What Troupe's folders and plug-ins agree on. Types and ports only; the few values here are constants and the error class. */
export type { Agent, AgentDirectory, AgentSpec, WhileBusy } from "./agent.ts";
export type { Envelope, EnvelopeHandler, MessageBus } from "./bus.ts";
export { SUBJECTS } from "./bus.ts";
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
export type { Effect, EffectHandler, EffectOutcome, EffectStore } from "./effect.ts";
export type { ErrorCode, TroupeErrorOptions } from "./errors.ts";
export { TroupeError } from "./errors.ts";
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
  TurnControl,
  TurnIntake,
  TurnPreview,
  Verdict,
} from "./inbox.ts";
export type {
  Audience,
  Message,
  MessageOutcome,
  MessagePart,
  MessageRole,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from "./message.ts";
export { textOf } from "./message.ts";
export type {
  LanguageModel,
  ModelChoice,
  ModelEvent,
  ModelHints,
  ModelMessage,
  ModelPrice,
  ModelRequest,
  ModelRetry,
  ModelRouter,
  ModelToolCall,
} from "./model.ts";
export type { Contribution, Module, TurnView } from "./module.ts";
export type {
  CallOptions,
  Clock,
  IdGenerator,
  LogFields,
  Logger,
  Page,
  PageQuery,
  Principal,
} from "./runtime.ts";
export { DEFAULT_SPACE_ID } from "./runtime.ts";
export type { Session, SessionSummary, Storyline } from "./session.ts";
export type {
  AgentStore,
  BudgetState,
  Committed,
  HistoryQuery,
  KeyRecord,
  KeyStore,
  Ledger,
  LedgerEntry,
  MemoryRecord,
  MemoryStore,
  ModelCallRecord,
  NewMessage,
  SearchHit,
  SearchQuery,
  SearchStore,
  SessionQuery,
  SessionStore,
  SessionTouch,
  StorylineStore,
  UnitOfWork,
  Write,
} from "./store.ts";
export type { Stores } from "./stores.ts";
export type {
  JsonSchema,
  Tool,
  Toolbox,
  ToolContext,
  ToolKind,
  ToolOutput,
  ToolSet,
  ToolSource,
  ToolSpec,
} from "./tool.ts";
export type {
  DirectCall,
  GivenMessage,
  InboundState,
  Lane,
  ModelStepOutput,
  StepName,
  ToolStatus,
  TraceEntry,
  Trigger,
  Turn,
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
  TurnQuery,
  TurnStore,
} from "./turn-store.ts";
