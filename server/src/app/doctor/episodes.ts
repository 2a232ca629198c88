import { TroupeError } from "@troupe/contracts";
import { loadEpisodes } from "../../memory/index.ts";
import type { Config } from "../config/index.ts";
import type { Finding } from "./finding.ts";

const LOOK_MS = 5_000;
const LOOPBACK = /^(127\.|localhost$|\[::1\]$)/;

/** What can be wrong with a memory of conversations outside of Troupe; nothing where none is configured. */
export async function checkEpisodes({ episodes, unreadable }: Config): Promise<readonly Finding[]> {
  if (episodes === undefined || unreadable.has("episodes.apiKey")) return [];
  const about = { name: "Episode memory", how: "asked it for its name" } as const;
  const { createHttpEpisodeMemory } = await loadEpisodes();
  const { url, apiKey, privateHosts } = episodes;
  const { origin, protocol, hostname } = new URL(url);
  try {
    const memory = createHttpEpisodeMemory({ url, apiKey, privateHosts });
    const { name, keepsAudiences } = await memory.facts({ signal: AbortSignal.timeout(LOOK_MS) });
    if (episodes.keepsAudiences && !keepsAudiences) {
      return [
        {
          ...{ ...about, verdict: "bad" },
          what: `${name} at ${origin} keeps no audiences, and episodes.keepsAudiences says that it does: nothing of it is shown`,
          remedy: "Set episodes.keepsAudiences to false; it is then asked where one person alone reads.",
        },
      ];
    }
    const whom = episodes.keepsAudiences
      ? "asked in every conversation"
      : "asked where one person alone reads";
    const what = `${name} at ${origin} answers; ${whom}`;
    if (protocol === "http:" && !LOOPBACK.test(hostname)) {
      return [
        {
          ...{ ...about, verdict: "warning" },
          what: `${what}; not encrypted: the key, and what people say, can be read on the way`,
          remedy: "Use https:// in episodes.url, or a private network.",
        },
      ];
    }
    return [{ ...about, verdict: "good", what }];
  } catch (error) {
    const what = TroupeError.is(error)
      ? error.message.replace(/\.$/, "")
      : `The episode memory at ${origin} did not answer in ${LOOK_MS / 1_000} s`;
    const remedy =
      "Start the service, or correct episodes in troupe.yaml. Until then turns are answered without it, and what is said waits to be written.";
    return [{ ...about, verdict: "warning", what, remedy }];
  }
}
