/**
 * Waiting time before the next try: decorrelated jitter, `min(capMs, random between baseMs and 3 × previousMs)`.
 * Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
 */
export function nextDelayMs(
  previousMs: number,
  limits: { readonly baseMs: number; readonly capMs: number },
  random: () => number,
): number {
  const top = Math.max(limits.baseMs, previousMs * 3);
  return Math.min(limits.capMs, Math.round(limits.baseMs + random() * (top - limits.baseMs)));
}

/** The same for a row that knows only how many attempts it had. */
export function delayOfAttempt(
  attempt: number,
  limits: { readonly baseMs: number; readonly capMs: number },
  random: () => number,
): number {
  const top = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(top / 2 + random() * (top / 2));
}
