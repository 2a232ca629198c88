import type { KeyRecord, Page } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { type BrowserView, formatKeys } from "../format/lists.ts";

type Options = Readonly<Record<string, unknown>>;

interface KeysReport extends Page<Omit<KeyRecord, "hash">> {
  readonly browsers: readonly BrowserView[];
}

export async function makeLink({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "key link", createHome: true });
  const body = options.key === undefined ? {} : { key: options.key };
  const made = await client.call<{ readonly id: string; readonly url: string; readonly until: number }>(
    "POST",
    "/api/links",
    body,
  );
  output.result(made, () => `${made.url}\nOpens the chat page signed in: once, within 10 minutes.`);
}

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
  const { items, browsers } = await client.call<KeysReport>("GET", "/api/keys");
  output.result([...items, ...browsers], () => formatKeys(items, browsers, output.paint));
}

export async function revokeKey({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "key revoke" });
  await client.call("DELETE", `/api/keys/${encodeURIComponent(id)}`);
  output.result({ id, revoked: true }, () => `${id} is refused from now on.`);
}
