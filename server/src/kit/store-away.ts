import { TroupeError } from "@troupe/contracts";

/**
 * The store takes or gives nothing just now: what was asked of it says nothing about whoever asked. Not so where a guard did not hold or
 * a claim was lost: somebody else was quicker, or whoever asked was too slow.
 */
export function isStoreAway(error: unknown): boolean {
  return (
    TroupeError.is(error) &&
    error.retryable &&
    error.code.startsWith("store.") &&
    error.code !== "store.conflict"
  );
}
