/** Fakes and one contract suite per port. */
export { type Arrival, createFakePlatform, type FakePlatform, type Mishap } from "./channel-doubles.ts";
export { type EpisodeServer, type KeptEpisode, startEpisodeServer } from "./episode-server.ts";
export { type NatsServer, NO_NATS, startNatsServer } from "./lab/nats.ts";
export {
  findPgvector,
  findPostgres,
  NO_PGVECTOR,
  NO_POSTGRES,
  type PostgresLab,
  type TestDatabase,
} from "./lab/postgres.ts";
export { NO_CLUSTER, type PostgresCluster, startPostgresCluster } from "./lab/postgres-cluster.ts";
export { openTcpProxy, type TcpProxy } from "./lab/tcp-proxy.ts";
export { createLogRecorder, type LogLine, type LogRecorder } from "./log-recorder.ts";
export { createManualClock, type ManualClock } from "./manual-clock.ts";
export { createMemoryBlobs } from "./memory-blobs.ts";
export { modelCall } from "./model-call.ts";
export { createScriptedModel, type ScriptedModel, type ScriptedReply } from "./scripted-model.ts";
export {
  type ReceivedRequest,
  type ScriptedModelServer,
  startScriptedModelServer,
  type WireMessage,
  type WireRequest,
} from "./scripted-model-server.ts";
export type { ScriptedAnswer } from "./scripted-model-wire.ts";
export { type BlobHarness, blobContract } from "./suites/blob-contract.ts";
export { type BusHarness, busContract } from "./suites/bus-contract.ts";
export { type ChannelHarness, channelContract } from "./suites/channel-contract.ts";
export { type EpisodeHarness, episodeContract } from "./suites/episode-contract.ts";
export {
  callsIn,
  collectEvents,
  type EndEvent,
  endOf,
  type ModelHarness,
  modelContract,
  textIn,
} from "./suites/model-contract.ts";
export { storeContract } from "./suites/store-contract.ts";
export type { StoreHarness } from "./suites/store-fixtures.ts";
export { type ToolHarness, toolContext, toolContract } from "./suites/tool-contract.ts";
