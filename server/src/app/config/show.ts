import { stringify } from "yaml";
import { redactText } from "../../kit/index.ts";
import type { Config } from "./load.ts";

/** Settings whose values are never printed. */
const SECRET_KEY = /^(apiKey|authorization|password|secret|token|x-api-key)$/i;

/** The configuration in force as YAML: defaults filled in, placeholders as written, secrets left out. */
export function showConfig(config: Config): string {
  return stringify(visibleConfig(config), { lineWidth: 110 });
}

export function visibleConfig(config: Config): Record<string, unknown> {
  const { home: _home, agents: _agents, unreadable: _unreadable, written, ...file } = config;
  return hide(file, "", written) as Record<string, unknown>;
}

function hide(value: unknown, path: string, written: ReadonlyMap<string, string>): unknown {
  const asWritten = written.get(path);
  if (asWritten !== undefined) return asWritten;
  if (Array.isArray(value)) return value.map((item, i) => hide(item, `${path}[${i}]`, written));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        hide(inner, path === "" ? key : `${path}.${key}`, written),
      ]),
    );
  }
  const key = path.slice(path.lastIndexOf(".") + 1);
  if (typeof value !== "string") return value;
  return SECRET_KEY.test(key) || path.includes(".headers.") ? "(set)" : redactText(value);
}
