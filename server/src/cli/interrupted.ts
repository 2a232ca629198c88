import { TroupeError } from "@troupe/contracts";

/** What a command that was stopped by a signal ends with; any other failure as it is. */
export function interrupted(signal: AbortSignal, error: unknown, consequence: string): unknown {
  if (!signal.aborted) return error;
  return new TroupeError(`Stopped. ${consequence}`, { code: "turn.cancelled", cause: error });
}
