import type { Clock } from "@troupe/contracts";

/** Long enough for what follows a start at once, such as the first page that is opened. */
const AFTER_MS = 5_000;

/**
 * Gives back what only the start of this thread needed, once nobody waits for it: V8 collects by itself when more is allocated,
 * which in a process that nobody talks to is never. It takes some 50 ms on the main thread and 10 on one of the store's, and gives
 * back 15–20 MB and about 5. Does nothing where the collector cannot be called, which the launcher's `--expose-gc` allows.
 * Disposing cancels it.
 */
export function spareMemory(
  { clock, isBusy }: { readonly clock: Clock; readonly isBusy: () => boolean },
  collect: (() => void) | undefined,
): Disposable {
  let timer: Disposable | undefined;
  const look = (): void => {
    timer = clock.schedule(AFTER_MS, () => (isBusy() ? look() : collect?.()));
  };
  if (collect !== undefined) look();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

/** The collector of this thread, as the launcher allows it to be called. */
export function collector(): (() => void) | undefined {
  const { gc } = globalThis;
  return gc === undefined ? undefined : () => gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
