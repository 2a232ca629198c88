import {
  type LanguageModel,
  type ModelChoice,
  type ModelEvent,
  type ModelRouter,
  NO_USAGE,
  TroupeError,
} from "@troupe/contracts";

/**
 * Providers whose key cannot be opened are not asked: their models answer with why, as for a refused key, so that the next
 * one of a list answers instead and everything else goes on. `unreadable` has a sentence by path, `providers.NAME.…`.
 */
export function withRefusedProviders<Router extends ModelRouter>(
  router: Router,
  unreadable: ReadonlyMap<string, string>,
): Router {
  if (unreadable.size === 0) return router;
  const reasons = refusedProviders(unreadable);
  const made = new WeakMap<readonly ModelChoice[], readonly ModelChoice[]>();
  return {
    ...router,
    choices(name: string) {
      const own = router.choices(name);
      const known = made.get(own);
      if (known !== undefined) return known;
      const choices = own.map((choice) => {
        const reason = reasons.get(choice.model.provider);
        return reason === undefined ? choice : { ...choice, model: refused(choice, reason) };
      });
      made.set(own, choices);
      return choices;
    },
  };
}

/** Why a provider is not asked, by its name. */
export function refusedProviders(unreadable: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...unreadable].map(([path, reason]) => [path.split(".")[1] ?? "", reason]));
}

function refused({ model, name }: ModelChoice, reason: string): LanguageModel {
  const { provider, modelId, contextWindow } = model;
  return {
    ...{ provider, modelId, contextWindow },
    async *stream(): AsyncGenerator<ModelEvent> {
      const error = new TroupeError(`The model "${name}" was not asked. ${reason}`, { code: "model.auth" });
      yield { type: "end", reason: "error", usage: NO_USAGE, estimated: false, error };
    },
  };
}
