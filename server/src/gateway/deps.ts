import type {
  AgentDirectory,
  BlobStore,
  CallOptions,
  Clock,
  EmbeddingRouter,
  FlowPort,
  IdGenerator,
  Inbox,
  JobPort,
  Logger,
  MessageBus,
  ModelCatalogue,
  Principal,
  SessionControl,
  Stores,
  TurnControl,
  TurnFeed,
} from "@troupe/contracts";
import type { Metrics, RateLimit } from "../kit/index.ts";
import type { KeyRing } from "./key-ring.ts";

/** The stores that the faces read; what they write is keys, and names and branches of sessions. */
export type FaceStores = Pick<
  Stores,
  | "sessions"
  | "attachments"
  | "turns"
  | "inbox"
  | "outbox"
  | "effects"
  | "storylines"
  | "ledger"
  | "keys"
  | "signIns"
  | "search"
  | "inboxItems"
  | "agentChannels"
  | "agentDeliveries"
  | "jobs"
  | "flows"
  | "unit"
>;

/** What the process says about itself. */
export interface Health {
  /** Costs nothing and is asked for each request. */
  ready(): {
    readonly ready: boolean;
    readonly reasons: readonly string[];
    /** What is otherwise than usual while work is taken. */
    readonly notes?: readonly string[];
  };
  /** For the operator: what waits, since when, what is wrong. Sent as it is. */
  status(): Promise<unknown>;
}

/** Makes vectors for a caller: the cost is reserved before and settled after. */
export interface Embedder {
  /**
   * `name`: a logical name of the configured models. Rejects with `request.not_found` for an unknown one, naming those that
   * are known, with `budget.exceeded`, with what the models refused with, or with the signal's reason.
   */
  embed(
    request: {
      readonly principal: Principal;
      readonly peerId: string;
      readonly name: string;
      readonly texts: readonly string[];
      readonly dimensions?: number;
    },
    options: CallOptions,
  ): ReturnType<EmbeddingRouter["embed"]>;
}

/** What both faces need: the gateway, with keys, and the admin socket, without. */
export interface FaceDeps {
  readonly inbox: Inbox;
  readonly feed: Pick<TurnFeed, "subscribe">;
  /** Tells of sessions that somebody wrote to. */
  readonly bus: Pick<MessageBus, "publish" | "subscribe">;
  readonly control: TurnControl;
  readonly sessionControl: SessionControl;
  readonly stores: FaceStores;
  readonly agents: AgentDirectory;
  readonly jobs: JobPort;
  readonly blobs: BlobStore;
  readonly catalogue: ModelCatalogue;
  readonly health: Health;
  /** Shared by all faces of a process, so that a revoked key is refused everywhere at once. */
  readonly keyRing: KeyRing;
  /** The same for browsers that a link signed in, by their tokens. */
  readonly browsers: KeyRing;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Troupe's version, for `/health` and the API description. */
  readonly version: string;
  readonly limits?: Partial<FaceLimits>;
  /** The commands that people may type, in the language of a BCP 47 tag. */
  readonly commands?: (language: string) => readonly {
    readonly names: readonly string[];
    readonly usage: string;
    readonly help: string;
  }[];
  /** Vectors of texts, paid for by whoever asks. Absent: none are served. */
  readonly embedder?: Embedder;
  /** Durable state machines, for operators. Absent: none are served. */
  readonly flows?: FlowPort;
  /** Whether agents are offered to other programs' agents, which of them is the first, and under which address. */
  readonly a2a?: () => {
    readonly enabled: boolean;
    readonly agent?: string | undefined;
    readonly url?: string | undefined;
  };
  /** Requests a minute, by address and by key; shared by all faces of a process. Absent: no limit. */
  readonly rates?: { readonly address: RateLimit; readonly key: RateLimit };
  /** Where the chat page is reached, `http://127.0.0.1:8080`, for links to it. */
  readonly pageAddress?: () => string;
  /** The chat page as it was built. Without one a plain page tells that Troupe runs. */
  readonly page?: PageSource;
}

/** The chat page's files. */
export interface PageSource {
  /** The page itself, or why there is none yet. */
  index(): Promise<PageFile | PageAbsence>;
  /** A file of the build by its name under `/assets/`; undefined for one that is not there. */
  asset(name: string): Promise<PageFile | undefined>;
}

export interface PageFile {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly etag: string;
  /** The same, compressed with Brotli, where that is smaller. */
  readonly brotli?: Uint8Array;
}

export interface PageAbsence {
  readonly absent: "building" | "failed";
  /** One sentence: what failed and what to do. */
  readonly reason?: string;
}

export interface GatewayConfig {
  readonly host: string;
  readonly port: number;
  /** Further values of the Host header to answer for: `name`, or `name:port`. */
  readonly allowedHosts?: readonly string[];
  /** Web pages of other origins that may call, `https://name[:port]`. They still need a key. */
  readonly allowedOrigins?: readonly string[];
  /** Those that may read the answers too. */
  readonly corsOrigins?: readonly string[];
}

export interface FaceLimits {
  /** Largest request body. */
  readonly bodyBytes: number;
  /** The same where a request may hold images and files; absent: as `bodyBytes`. */
  readonly mediaBodyBytes: number;
  /** Largest file that may be uploaded. */
  readonly fileBytes: number;
  /** Bytes kept for a client that reads slower than its turn writes; past it the connection is closed. */
  readonly bufferedBytes: number;
  /** Longest time from connecting, or from the last answer, until all headers are there. */
  readonly headersTimeoutMs: number;
  /** Longest time until the whole request is there. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept for the next request. */
  readonly keepAliveTimeoutMs: number;
  /** A client that takes nothing of what waits for it during this time is let go. */
  readonly stalledClientMs: number;
  /** Most connections of one listener. */
  readonly connections: number;
  /** Streams without news get a comment, and WebSockets a ping, so often: proxies keep them, and dead ones are found. */
  readonly keepAliveCommentMs: number;
  /** Most WebSockets of one key. */
  readonly socketsPerKey: number;
  /** Sessions and turns that one WebSocket may watch. */
  readonly watchesPerSocket: number;
  /** Frames of one WebSocket that are worked on at one time; it is not read from while there are more. */
  readonly framesInFlight: number;
  /** How long a WebSocket may be open without having shown a key. */
  readonly helloTimeoutMs: number;
}

export const DEFAULT_LIMITS: FaceLimits = {
  bodyBytes: 1024 * 1024,
  mediaBodyBytes: 1024 * 1024,
  fileBytes: 20 * 1024 * 1024,
  bufferedBytes: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  stalledClientMs: 60_000,
  connections: 4_096,
  keepAliveCommentMs: 15_000,
  socketsPerKey: 64,
  watchesPerSocket: 256,
  framesInFlight: 32,
  helloTimeoutMs: 10_000,
};

export function limitsOf(own: Partial<FaceLimits> = {}): FaceLimits {
  const limits = { ...DEFAULT_LIMITS, ...own };
  return own.mediaBodyBytes === undefined ? { ...limits, mediaBodyBytes: limits.bodyBytes } : limits;
}

/** A route of the admin socket that another folder brings. */
export interface AdminRoute {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/admin/dlq/:id/replay`: a name after a colon is handed over in `params`. */
  readonly path: string;
  /** Its body may be as long as one that brings a file. */
  readonly bringsFile?: boolean;
  /**
   * What it resolves with is sent as JSON, `undefined` as 204, a `Response` as it is. A `TroupeError` becomes a problem
   * with its code.
   */
  handle(request: AdminRequest): Promise<unknown> | unknown;
}

export interface AdminRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly principal: Principal;
  /** Aborts when the face closes. */
  readonly signal: AbortSignal;
  /** The body as JSON; undefined when there is none. Rejects with `request.invalid`. */
  json(): Promise<unknown>;
}
