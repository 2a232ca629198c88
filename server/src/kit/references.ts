import type { SearchHit, SourceReference } from "@troupe/contracts";

/** The name under which what was found can be asked for again. */
export function referenceOf({ kind, id, sessionId, turnSeq }: SearchHit): SourceReference {
  return kind === "message" && sessionId !== undefined && turnSeq !== undefined
    ? { kind, id, sessionId, turnSeq }
    : { kind: "memory", id };
}
