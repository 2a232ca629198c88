/** Bells that ring together are one look. */
const GATHER_MS = 50;

/**
 * Does the work after each call, once for calls that come together, and one at a time. What it gives resolves when all that was
 * asked for by then is done. Never rejects: work that fails is done again with the next call.
 */
export function gathered(work: () => Promise<void>, life: AbortSignal): () => Promise<void> {
  let isAsked = false;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (isAsked && !life.aborted) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      isAsked = false;
      await work().catch(() => undefined);
    }
  };
  return () => {
    isAsked = true;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}
