import type { ReloadReport, SecretChange } from "../../app/index.ts";
import { formatProblem } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { formatSecrets, type ListedSecret } from "../format/secrets.ts";
import { readSecretValue } from "../read-secret.ts";

type Options = Readonly<Record<string, unknown>>;

export async function setSecret(
  { connect, output }: CommandContext,
  options: Options,
  name: string,
): Promise<void> {
  // Asked for before the home is held, so that nobody waits for a person who looks for a key.
  const file = typeof options.fromFile === "string" ? options.fromFile : undefined;
  const value = await readSecretValue({ file, question: `Value of ${name} (not shown)` });
  await using client = await connect({ command: "secret set", createHome: true });
  const change = await client.call<SecretChange>("PUT", pathOf(name), { value });
  const { reload, ...told } = change;
  const what = change.version === 1 ? "is kept" : "is replaced";
  output.result(told, () =>
    [`The secret "${name}" ${what}, sealed. Write it as \${secret:${name}}.`, ...consequences(reload)].join(
      "\n",
    ),
  );
}

export async function listSecrets({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "secret list" });
  const { items } = await client.call<{ readonly items: readonly ListedSecret[] }>("GET", "/admin/secrets");
  output.result(items, () => formatSecrets(items, output.paint));
}

export async function removeSecret({ connect, output }: CommandContext, name: string): Promise<void> {
  await using client = await connect({ command: "secret remove" });
  const { reload } = await client.call<SecretChange>("DELETE", pathOf(name));
  output.result({ name, removed: true }, () =>
    [`The secret "${name}" is gone.`, ...consequences(reload)].join("\n"),
  );
}

export async function rotateSecrets({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "secret rotate" });
  const master = options.master === true;
  const done = await client.call<{ readonly resealed?: number; readonly rewrapped?: number }>(
    "POST",
    "/admin/secrets/rotate",
    { master },
  );
  output.result(done, () =>
    master
      ? "The master key is a new one. Backups made with the old one still need the old one."
      : done.resealed === 0
        ? "There is no secret, so there is nothing to seal anew."
        : `A new key seals ${done.resealed === 1 ? "the secret" : `all ${done.resealed} secrets`}.`,
  );
}

function pathOf(name: string): string {
  return `/admin/secrets/${encodeURIComponent(name)}`;
}

/** What the settings that name it make of the change. */
function consequences(reload: ReloadReport): readonly string[] {
  if (reload.kind === "rejected") {
    return [
      "The settings need a look; what was in force stays in force:",
      ...reload.problems.map(formatProblem),
    ];
  }
  return reload.changed.length === 0 ? [] : [`In force now: ${reload.changed.join(", ")}.`];
}
