import type { KeyRecord, Page } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { formatKeys } from "../format/lists.ts";

type Options = Readonly<Record<string, unknown>>;

export async function createKey({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "key create", createHome: true });
  const body = { name: options.name, ...(options.operator === true ? { kind: "operator" } : {}) };
  const made = await client.call<{ readonly id: string; readonly key: string }>("POST", "/api/keys", body);
  output.result(
    { id: made.id, key: made.key },
    () => `${made.key}\nShown once and kept hashed. ./troupe key revoke ${made.id} ends it.`,
  );
}

export async function listKeys({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "key list" });
  const { items } = await client.call<Page<Omit<KeyRecord, "hash">>>("GET", "/api/keys");
  output.result(items, () => formatKeys(items, output.paint));
}

export async function revokeKey({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "key revoke" });
  await client.call("DELETE", `/api/keys/${encodeURIComponent(id)}`);
  output.result({ id, revoked: true }, () => `Key ${id} is refused from now on.`);
}
