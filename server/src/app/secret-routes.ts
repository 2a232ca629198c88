import { SPACE_OWNER, TroupeError } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import type { SecretInfo, Vault } from "../secrets/index.ts";
import type { Reloader, ReloadReport } from "./reload.ts";

/** What setting or removing a secret did. */
export interface SecretChange extends Partial<SecretInfo> {
  readonly name: string;
  /** Settings may name it: they were read anew. */
  readonly reload: ReloadReport;
}

/** Values go in and never come out. The routes of the operator alone. */
export function secretRoutes(parts: {
  readonly vault: Vault;
  readonly reloader: Reloader;
}): readonly AdminRoute[] {
  const { vault, reloader } = parts;
  const keyOf = ({ params, principal }: AdminRequest) => ({
    spaceId: principal.spaceId,
    owner: SPACE_OWNER,
    name: params.name ?? "",
  });
  return [
    {
      method: "GET",
      path: "/admin/secrets",
      handle: async (request) => ({
        items: await vault.list(request.principal.spaceId, SPACE_OWNER, request),
      }),
    },
    {
      method: "PUT",
      path: "/admin/secrets/:name",
      async handle(request): Promise<SecretChange> {
        const info = await vault.set(keyOf(request), valueIn(await request.json()), request);
        return { ...info, reload: await reloader.reload() };
      },
    },
    {
      method: "DELETE",
      path: "/admin/secrets/:name",
      async handle(request): Promise<SecretChange> {
        const key = keyOf(request);
        await vault.remove(key, request);
        return { name: key.name, reload: await reloader.reload() };
      },
    },
    {
      method: "POST",
      path: "/admin/secrets/rotate",
      async handle(request) {
        const body = (await request.json()) as { readonly master?: unknown } | undefined;
        return body?.master === true
          ? vault.rotateMasterKey(request)
          : vault.rotateDataKey(request.principal.spaceId, request);
      },
    },
  ];
}

function valueIn(body: unknown): string {
  const value = typeof body === "object" && body !== null && "value" in body ? body.value : undefined;
  if (typeof value === "string") return value;
  throw new TroupeError('The body must be {"value": "…"}, with the secret as text.', {
    code: "request.invalid",
  });
}
