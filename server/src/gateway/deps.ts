import type {
  AgentDirectory,
  Clock,
  IdGenerator,
  Inbox,
  Logger,
  Principal,
  Stores,
  TurnControl,
  TurnFeed,
} from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import type { KeyRing } from "./key-ring.ts";

/** The stores that the faces read, and the one thing that they write: keys. */
export type FaceStores = Pick<
  Stores,
  "sessions" | "turns" | "inbox" | "outbox" | "effects" | "storylines" | "ledger" | "keys" | "unit"
>;

/** What the process says about itself. */
export interface Health {
  /** Costs nothing and is asked for each request. */
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] };
  /** For the operator: what waits, since when, what is wrong. Sent as it is. */
  status(): Promise<unknown>;
}

/** What both faces need: the gateway, with keys, and the admin socket, without. */
export interface FaceDeps {
  readonly inbox: Inbox;
  readonly feed: Pick<TurnFeed, "subscribe">;
  readonly control: TurnControl;
  readonly stores: FaceStores;
  readonly agents: AgentDirectory;
  readonly health: Health;
  /** Shared by all faces of a process, so that a revoked key is refused everywhere at once. */
  readonly keyRing: KeyRing;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Troupe's version, for `/health` and the API description. */
  readonly version: string;
  readonly limits?: Partial<FaceLimits>;
}

export interface GatewayConfig {
  readonly host: string;
  readonly port: number;
  /** Further values of the Host header to answer for: `name`, or `name:port`. */
  readonly allowedHosts?: readonly string[];
  /** Web pages of other origins that may call, `https://name[:port]`. They still need a key. */
  readonly allowedOrigins?: readonly string[];
}

export interface FaceLimits {
  /** Largest request body. */
  readonly bodyBytes: number;
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
  /** Streams without news get a comment so often, so that proxies keep them. */
  readonly keepAliveCommentMs: number;
}

export const DEFAULT_LIMITS: FaceLimits = {
  bodyBytes: 1024 * 1024,
  bufferedBytes: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  stalledClientMs: 60_000,
  connections: 4_096,
  keepAliveCommentMs: 15_000,
};

/** A route of the admin socket that another folder brings. */
export interface AdminRoute {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/admin/dlq/:id/replay`: a name after a colon is handed over in `params`. */
  readonly path: string;
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
