/** How a step that failed is tried again, unless its definition says otherwise. */
export const MAX_ATTEMPTS = 5;
export const BACKOFF: { readonly baseMs: number; readonly capMs: number } = {
  baseMs: 1_000,
  capMs: 30 * 60_000,
};
