import type { EpisodeMemory } from "@troupe/contracts";
import { loadEpisodes } from "../memory/index.ts";
import type { ModuleSource } from "./compose-modules.ts";
import type { Config } from "./config/index.ts";

export interface EpisodeParts {
  /** Undefined where none is configured. */
  readonly episodeMemory: EpisodeMemory | undefined;
  /** What brings it into turns, before the given modules; where none is configured they alone, and turns pay nothing. */
  readonly otherModules: readonly ModuleSource[];
}

/** A memory of conversations that another service keeps, where `episodes` of troupe.yaml names one. */
export async function composeEpisodes(
  { episodes }: Pick<Config, "episodes">,
  given: readonly ModuleSource[] = [],
): Promise<EpisodeParts> {
  if (episodes === undefined) return { episodeMemory: undefined, otherModules: given };
  const { createEpisodeModule, createHttpEpisodeMemory } = await loadEpisodes();
  const { url, apiKey, privateHosts, waitMs, limit, keepsAudiences } = episodes;
  const episodeMemory = createHttpEpisodeMemory({ url, apiKey, privateHosts });
  const settings = { waitMs, limit, keepsAudiences };
  return {
    episodeMemory,
    otherModules: [
      ({ stores, clock, logger, metrics }) =>
        createEpisodeModule({ ...stores, memory: episodeMemory, settings, clock, logger, metrics }),
      ...given,
    ],
  };
}
