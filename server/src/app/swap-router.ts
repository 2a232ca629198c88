import type {
  Clock,
  EmbeddingRouter,
  ModelCatalogue,
  ModelChoice,
  ModelRouter,
  ProviderHealth,
} from "@troupe/contracts";

interface Closable extends ModelRouter, EmbeddingRouter, ModelCatalogue {
  health(): readonly ProviderHealth[];
  close(): Promise<void>;
}

/** A model router that a reload replaces while calls are under way. */
export interface SwappableRouter extends ModelRouter, EmbeddingRouter, ModelCatalogue {
  health(): readonly ProviderHealth[];
  /** From now on new calls use `next`; the old one is closed once its calls must have ended. */
  swap(next: Closable): void;
  close(): Promise<void>;
}

/**
 * `retireAfterMs`: longest life of a call. Counting calls instead would put a wrapper around each event of each stream;
 * idle connections close by themselves long before.
 */
export function createSwappableRouter(
  first: Closable,
  deps: { readonly clock: Clock; readonly retireAfterMs: () => number },
): SwappableRouter {
  const madeBy = new WeakMap<readonly ModelChoice[], Closable>();
  const retired = new Map<Closable, Disposable>();
  let current = first;
  return {
    choices(name) {
      const choices = current.choices(name);
      madeBy.set(choices, current);
      return choices;
    },
    stream: (choices, request, options) => (madeBy.get(choices) ?? current).stream(choices, request, options),
    embed: (request, options) => current.embed(request, options),
    list: (query, options) => current.list(query, options),
    health: () => current.health(),
    swap(next) {
      const old = current;
      current = next;
      const timer = deps.clock.schedule(deps.retireAfterMs(), () => {
        retired.delete(old);
        void old.close();
      });
      retired.set(old, timer);
    },
    async close() {
      for (const timer of retired.values()) timer[Symbol.dispose]();
      await Promise.all([current, ...retired.keys()].map((router) => router.close()));
    },
  };
}
