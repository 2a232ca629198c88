import type { Call, PublicCall } from "./call.ts";
import type { Answer, Dialect } from "./reply.ts";

interface RouteShape {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A name after a colon is a parameter. */
  readonly path: string;
  readonly dialect?: Dialect;
  /** Refused with `not_ready` on the admin socket too, until turns can run. */
  readonly acceptsWork?: boolean;
}

/** Answers anybody who gets past the Host check, ready or not. */
export interface PublicRoute extends RouteShape {
  readonly access: "public";
  handle(call: PublicCall): Answer | Promise<Answer>;
}

/** `key`: any valid key. `operator`: an operator's key, or the admin socket. */
export interface KeyedRoute extends RouteShape {
  readonly access: "key" | "operator";
  handle(call: Call): Answer | Promise<Answer>;
}

/** One row of the table that every face serves; faces differ in how they find the principal. */
export type Route = PublicRoute | KeyedRoute;
