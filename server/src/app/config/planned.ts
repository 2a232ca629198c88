/**
 * Settings that the design names and this version does not serve. They are refused by name, so that nobody believes
 * them to be in force. `*` stands for any one step.
 */
const PLANNED_KEYS: readonly { readonly file: "config" | "agent"; readonly paths: readonly string[] }[] = [
  {
    file: "config",
    paths: [
      ...["approvals", "backup", "channels", "console", "embeddings", "extensions", "flows", "mcp"],
      ...["pairing", "retention", "roles", "sandbox", "secrets", "spaces", "telemetry", "tools"],
      ...[
        "users",
        "workspaces",
        "world",
        "server.tls",
        "server.publicUrl",
        "server.trustedProxies",
        "store.replica",
      ],
    ],
  },
  {
    file: "agent",
    paths: [
      ...["allowedDelegates", "awareness", "channels", "jobs", "knowledge", "language"],
      ...["mcp", "memory", "sandbox", "schedule", "skills", "world"],
    ],
  },
];

/** Settings that hold an address: the form that is served, and those of later versions. */
const ADDRESSES: readonly {
  readonly path: string;
  readonly served: RegExp;
  readonly planned: RegExp;
  readonly write: string;
}[] = [
  {
    path: "store.url",
    served: /^(sqlite:.|postgres(ql)?:\/\/.)/,
    planned: /^(cockroachdb|mysql|mariadb):/,
    write: "sqlite:data/troupe.db",
  },
  { path: "bus.url", served: /^(local:$|(nats|tls):\/\/.)/, planned: /^(ws|wss):/, write: "local:" },
  { path: "blobs.url", served: /^file:./, planned: /^(s3|gs|azure|https?):/, write: "file:data/blobs" },
];

const PLANNED_PROVIDER_KINDS: readonly string[] = ["azure", "bedrock", "vertex"];

export function isPlannedKey(file: "config" | "agent", path: string): boolean {
  return PLANNED_KEYS.some((group) => group.file === file && group.paths.includes(path));
}

/** Addresses that this version does not serve, and what to write instead. `valueAt` gives a setting's value. */
export function unservedAddresses(
  valueAt: (path: readonly string[]) => unknown,
): readonly { readonly path: readonly string[]; readonly message: string; readonly hint: string }[] {
  return ADDRESSES.flatMap(({ path: name, served, planned, write }) => {
    const path = name.split(".");
    const value = valueAt(path);
    if (typeof value !== "string" || served.test(value)) return [];
    const [scheme = value] = value.split(":");
    const message = planned.test(value)
      ? `${name} with ${scheme}: is not served in this version.`
      : `${name} is no address that Troupe knows.`;
    return [{ path, message, hint: `Write "${write}".` }];
  });
}

export function isPlannedProviderKind(kind: unknown): boolean {
  return typeof kind === "string" && PLANNED_PROVIDER_KINDS.includes(kind);
}
