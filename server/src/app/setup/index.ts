/** What the setup wizard stands on. */
export { checkHome } from "../config-tools.ts";
export { editSettings, type SettingsChange } from "./edit-settings.ts";
export { type ConfiguredProvider, readSetupFacts, type SetupFacts } from "./facts.ts";
export { KNOWN_PROVIDERS, type KnownProvider, type SetupKind } from "./known.ts";
export {
  type Candidate,
  type FoundServer,
  findLocalServers,
  listModels,
  type OfferedModel,
  type Trial,
  tryModel,
} from "./models.ts";
export { readSettingsText, writeSettings } from "./write-settings.ts";
