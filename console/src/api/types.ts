import type { Message, ModelCallRecord, SessionSummary, Turn, TurnStep } from "@troupe/contracts";

export type {
  FilePart,
  Message,
  MessagePart,
  ModelCallRecord,
  SessionSummary,
  ToolStatus,
  Turn,
  TurnEvent,
  TurnState,
} from "@troupe/contracts";

export interface AgentCard {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly model: string;
}

export interface CommandCard {
  /** The first is the one that is shown. */
  readonly names: readonly string[];
  /** `/roll [2d6+1]` */
  readonly usage: string;
  readonly help: string;
}

export interface Me {
  readonly principal: { readonly kind: string; readonly id: string };
  readonly version: string;
  readonly bodyBytes: number;
  /** Largest file of a message. */
  readonly fileBytes: number;
  /** Items of the inbox that are unread. */
  readonly unread: number;
  readonly browser?: { readonly id: string; readonly name: string; readonly until: number };
}

export interface List<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

export type SessionList = List<SessionSummary>;
/** A conversation that was searched for. */
export interface FoundSession extends SessionSummary {
  readonly inTitle?: boolean;
  readonly matches?: readonly { readonly messageId: string; readonly text: string; readonly role: string }[];
}

export type MessageList = List<Message>;
export type TurnList = List<Turn>;

/** The whole chain of one turn, as far as the page shows it. */
export interface TurnChain {
  readonly turn: Turn;
  readonly steps: readonly TurnStep[];
  readonly modelCalls: readonly ModelCallRecord[];
}
