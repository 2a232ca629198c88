import type { EffectStore } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { draftFault, type EffectVersions } from "../kit/index.ts";

/** A store for modules: an effect that cannot be kept or run is refused when it is put, with `request.invalid`. */
export function checkedEffects<Store extends Pick<EffectStore, "put">>(
  store: Store,
  versionsOf: EffectVersions,
): Store {
  return {
    ...store,
    put(effect) {
      const fault = draftFault(effect, versionsOf);
      if (fault === undefined) return store.put(effect);
      throw new TroupeError(`The effect was refused: ${fault}.`, { code: "request.invalid" });
    },
  };
}
