import type { SchemaName } from "./openapi-schemas.ts";

/** One operation of the API, as its description tells it. */
export interface Operation {
  readonly summary: string;
  readonly tag:
    | "system"
    | "openai"
    | "agents"
    | "turns"
    | "sessions"
    | "inbox"
    | "jobs"
    | "flows"
    | "operator"
    | "page"
    | "a2a";
  readonly isPublic?: boolean;
  readonly body?: SchemaName;
  readonly answers: Readonly<Record<string, SchemaName | "html" | "file" | "events" | "nothing" | "socket">>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export const PAGE_QUERY: Readonly<Record<string, string>> = {
  cursor: "Where the last page ended",
  limit: "Items of a page, 1 to 200",
};
