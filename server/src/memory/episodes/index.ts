/** A memory of conversations that another service keeps: searched with each turn, told of it behind the reply. */
export { createEpisodeModule, type EpisodeModuleDeps, type EpisodeSettings } from "./episode-module.ts";
export { createHttpEpisodeMemory, type HttpEpisodeMemoryDeps } from "./http-memory.ts";
