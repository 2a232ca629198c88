import { TroupeError } from "@troupe/contracts";
import { nearestName, redactText, systemClock } from "../../kit/index.ts";
import type { Config } from "../config/index.ts";
import type { Finding } from "./finding.ts";

/** Asks each provider for its models, and whether it has those that are named. */
export async function checkProviders(config: Config): Promise<readonly Finding[]> {
  const refused = new Set([...config.unreadable.keys()].map((path) => path.split(".")[1]));
  const real = Object.entries(config.providers).filter(
    ([name, provider]) => provider.kind !== "offline" && !refused.has(name),
  );
  if (real.length === 0 && refused.size > 0) return [];
  if (real.length === 0) {
    const what = "the offline guide; everything works with it. ./troupe setup connects a real model";
    return [{ name: "Models", verdict: "good", what, how: "troupe.yaml" }];
  }
  const { BASE_URLS, openProvider } = await import("../../llm/index.ts");
  return Promise.all(
    real.map(async ([name, provider]): Promise<Finding> => {
      const baseUrl = provider.baseUrl ?? BASE_URLS[provider.kind] ?? "";
      // A placeholder, or a password in the address, may be a secret.
      const shown = config.written.get(`providers.${name}.baseUrl`) ?? redactText(baseUrl);
      const how = `asked ${shown}/models`;
      const asked = openProvider(name, provider, { clock: systemClock(), random: Math.random });
      try {
        const listed = (await asked?.listModels({ signal: AbortSignal.timeout(10_000) })) ?? [];
        const ids = listed.map(({ id }) => id);
        return checkModelIds(config, name, ids, how);
      } catch (error) {
        const why = TroupeError.is(error) ? error.message : `does not answer (${String(error)})`;
        const what = why.replace(/\.$/, "");
        const remedy = `Check providers.${name} and whether it runs: curl ${shown}/models`;
        return { name: `Provider ${name}`, verdict: "bad", what, how, remedy };
      } finally {
        await asked?.close();
      }
    }),
  );
}

function checkModelIds(config: Config, provider: string, ids: readonly string[], how: string): Finding {
  const wanted = new Set([
    ...Object.values(config.models).flat(),
    ...config.agents.map((agent) => agent.model),
  ]);
  const named = [...wanted]
    .filter((name) => name.startsWith(`${provider}/`))
    .map((name) => name.slice(provider.length + 1));
  const missing = named.filter((id) => !ids.includes(id) && !ids.includes(`${id}:latest`));
  const base = { name: `Provider ${provider}`, how };
  if (missing.length === 0) return { ...base, verdict: "good", what: `answers, ${ids.length} models` };
  const meant = missing.flatMap((id) => nearestName(id, ids) ?? []);
  const guess = meant.length === 0 ? "" : `Did you mean ${meant.join(", ")}? `;
  return {
    ...base,
    verdict: "warning",
    what: `answers, but does not list ${missing.join(", ")}`,
    remedy:
      ids.length === 0
        ? "It lists no models at all."
        : `${guess}It has: ${ids.slice(0, 8).join(", ")}${ids.length > 8 ? " …" : ""}.`,
  };
}

/** Keys that the settings name and that cannot be opened. */
export function checkSecrets({ unreadable }: Config): readonly Finding[] {
  return [...unreadable].map(([path, message]) => ({
    name: "Secrets",
    verdict: "bad",
    what: `${path} cannot be opened`,
    how: "opened every secret that troupe.yaml names",
    remedy: message,
  }));
}
