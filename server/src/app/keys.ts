import type { CallOptions, Clock, IdGenerator, Stores } from "@troupe/contracts";
import { makeApiKey, makeSignInLink, type NewApiKey } from "../kit/index.ts";

/** Makes the operator's key where there has never been any key; undefined else. */
export async function makeFirstKey(
  deps: { readonly stores: Pick<Stores, "unit" | "keys">; readonly clock: Clock; readonly ids: IdGenerator },
  spaceId: string,
  options: CallOptions,
): Promise<NewApiKey | undefined> {
  const existing = await deps.stores.keys.list(spaceId, options);
  if (existing.length > 0) return undefined;
  const made = makeApiKey(deps, { spaceId, name: "operator", kind: "operator" });
  await deps.stores.unit.commit([deps.stores.keys.put(made.record)], options);
  return made;
}

/** The code of a link that signs the operator's browser in: each start has one of its own. */
export async function makeStartLink(
  deps: {
    readonly stores: Pick<Stores, "unit" | "signIns">;
    readonly clock: Clock;
    readonly ids: IdGenerator;
  },
  spaceId: string,
  options: CallOptions,
): Promise<string> {
  const who = { principalKind: "operator", principalId: "operator" } as const;
  const { code, record } = makeSignInLink(deps, { spaceId, name: "start", ...who });
  await deps.stores.unit.commit([deps.stores.signIns.put(record)], options);
  return code;
}
