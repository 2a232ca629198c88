import type { AdminRoute } from "../../gateway/index.ts";
import type { Troupe } from "../compose.ts";
import { checkModels, configuredModels } from "./live.ts";

const BATCH = 1_000;

/** What the doctor asks of a Troupe rather than of its files. */
export function doctorRoutes(troupe: Troupe): readonly AdminRoute[] {
  return [
    {
      method: "POST",
      path: "/admin/models/check",
      handle: async ({ principal, signal }) => {
        const { stores, reloader } = troupe;
        const deps = { ...troupe, ...stores };
        const models = configuredModels(reloader.config);
        return { items: await checkModels(deps, models, principal, { signal }) };
      },
    },
    {
      method: "POST",
      path: "/admin/index",
      handle: async ({ signal }) => {
        let indexed = 0;
        for (;;) {
          const count = await troupe.stores.search.indexNew(BATCH, { signal });
          indexed += count;
          if (count < BATCH) return { indexed };
        }
      },
    },
  ];
}
