import { join } from "node:path";
import type { AdminRoute, FaceDeps, Listening } from "../gateway/index.ts";
import { createRateLimit, type RateLimit } from "../kit/index.ts";
import { commandHelp } from "../tools/index.ts";
import { agentChannelRoutes } from "./agent-channel-routes.ts";
import { budgetRoutes } from "./budget-routes.ts";
import type { Troupe } from "./compose.ts";
import { displayPath } from "./config/index.ts";
import { deadLetterRoutes } from "./dead-letter-routes.ts";
import { doctorRoutes } from "./doctor/routes.ts";
import { createEmbedder } from "./embedder.ts";
import { eraseRoutes } from "./erase-routes.ts";
import { knowledgeRoutes } from "./knowledge-routes.ts";
import { memoryRoutes } from "./memory-routes.ts";
import { outboxRoutes } from "./outbox-routes.ts";
import { createPageSource, type PageBuild } from "./page/index.ts";
import { pageAddress } from "./page-address.ts";
import { personRoutes } from "./person-routes.ts";
import { reindexRoutes } from "./reindex-routes.ts";
import { dutiesOf } from "./roles.ts";
import { prepareSocketFolder } from "./runtime-path.ts";
import { secretRoutes } from "./secret-routes.ts";
import { snapshotRoutes } from "./snapshot-routes.ts";
import { storylineRoutes } from "./storyline-routes.ts";
import { tapeRoutes } from "./tape-routes.ts";
import { workspaceRoutes } from "./workspace-routes.ts";

/** Everything that listens. */
export interface Faces {
  /** `http://127.0.0.1:8080`; absent where no port was opened. A process that takes no messages has its metrics alone. */
  readonly addresses:
    | { readonly gateway?: string; readonly metrics: string; readonly admin?: string }
    | undefined;
  close(options: { readonly graceMs: number }): Promise<void>;
}

/**
 * Opens the admin socket, and with `ports` the gateway, the metrics and the admin port. Where one cannot be opened, those
 * that were are closed again. Rejects with `port.taken`, naming who has it and the setting.
 */
export async function openFaces(
  troupe: Troupe,
  options: {
    readonly socketPath: string;
    readonly ports: boolean;
    readonly page?: Pick<PageBuild, "folder">;
  },
): Promise<Faces> {
  // Loaded here, so that the modules of HTTP compile while the store opens its threads.
  const { createAdminApp, createBrowserRing, createGateway, createKeyRing, createMetricsListener } =
    await import("../gateway/index.ts");
  const { clock, logger, metrics } = troupe;
  const { config } = troupe.reloader;
  const { host, port, metricsPort, adminPort, allowedHosts = [], allowedOrigins = [], cors } = config.server;
  const open: Listening[] = [];
  const deps: FaceDeps = {
    ...faceDeps(troupe),
    keyRing: createKeyRing({ keys: troupe.stores.keys, clock }),
    browsers: createBrowserRing({ signIns: troupe.stores.signIns, clock }),
    commands: commandHelp,
    pageAddress: () => pageAddress(open[1]?.port === 0 ? undefined : open[1]?.address, { host, port }),
    ...(options.page === undefined ? {} : { page: createPageSource(options.page) }),
  };
  const close: Faces["close"] = async ({ graceMs }) => {
    await Promise.all(open.map((listening) => listening.close({ graceMs })));
  };
  const setting = (name: string): { setting: string } => ({
    setting: `server.${name} in ${displayPath(join(config.home, "troupe.yaml"))}`,
  });
  const routes = adminRoutes(troupe);
  try {
    if (options.ports) {
      const at = { host, allowedHosts, allowedOrigins, corsOrigins: cors?.origins ?? [] };
      const gateway = createGateway({ ...deps, config: { ...at, port } });
      const counters = createMetricsListener({
        ...{ metrics, clock, logger },
        ready: () => troupe.health.ready(),
        config: { ...at, port: metricsPort },
      });
      const admin = createGateway({ ...deps, adminRoutes: routes, config: { ...at, port: adminPort } });
      open.push(await counters.listen(setting("metricsPort")));
      if (dutiesOf(troupe.role).takesMessages) {
        open.push(await gateway.listen(setting("port")));
        open.push(await admin.listen(setting("adminPort")));
      }
    }
    // Last, so that whoever finds the socket finds everything.
    prepareSocketFolder(options.socketPath);
    const socket = createAdminApp({ ...deps, adminRoutes: routes });
    open.push(await socket.listen({ socketPath: options.socketPath }));
  } catch (error) {
    await close({ graceMs: 0 });
    throw error;
  }
  const [counting, gateway, admin] = options.ports ? open.map((listening) => listening.address) : [];
  const addresses = counting === undefined ? undefined : { metrics: counting };
  const takes = dutiesOf(troupe.role).takesMessages && gateway !== undefined && admin !== undefined;
  return {
    addresses: addresses !== undefined && takes ? { gateway, ...addresses, admin } : addresses,
    close,
  };
}

/** What the faces take from the composition as it is. */
function faceDeps(troupe: Troupe): Omit<FaceDeps, "keyRing" | "browsers" | "pageAddress"> {
  const { stores, blobs, clock, ids, logger, metrics, inbox, feed, bus, control, agents, health, version } =
    troupe;
  const { config } = troupe.reloader;
  // A reload changes them for the next request.
  const limit = (name: "keyPerMinute" | "addressPerMinute"): RateLimit =>
    createRateLimit({ clock, perMinute: () => troupe.reloader.config.limits[name] ?? 0 });
  return {
    ...{ stores, blobs, clock, ids, logger, metrics, inbox, feed, bus, control, agents, version },
    jobs: troupe.jobs,
    catalogue: troupe.router,
    flows: troupe.flowPort,
    sessionControl: troupe.supervisor.sessions,
    health: {
      ready: () => health.ready(),
      status: () => troupe.status({ signal: new AbortController().signal }),
    },
    limits: {
      bodyBytes: config.limits.bodyBytes,
      fileBytes: config.blobs.maxFileBytes,
      // A file within a request is a third longer than its bytes.
      mediaBodyBytes: config.limits.bodyBytes + Math.ceil(config.blobs.maxFileBytes / 3) * 4,
    },
    embedder: createEmbedder({ ...troupe, ...stores, config: () => troupe.reloader.config }),
    a2a: () => troupe.reloader.config.a2a,
    rates: { address: limit("addressPerMinute"), key: limit("keyPerMinute") },
  };
}

function adminRoutes(troupe: Troupe): readonly AdminRoute[] {
  return [
    { method: "POST", path: "/admin/reload", handle: () => troupe.reloader.reload() },
    ...agentChannelRoutes(troupe),
    ...doctorRoutes(troupe),
    ...secretRoutes(troupe),
    ...storylineRoutes(troupe),
    ...personRoutes(troupe),
    ...outboxRoutes(troupe),
    ...memoryRoutes(troupe),
    ...reindexRoutes(troupe),
    ...snapshotRoutes(troupe),
    ...eraseRoutes({ ...troupe, sessionControl: troupe.supervisor.sessions }),
    ...workspaceRoutes(troupe),
    ...knowledgeRoutes({ ...troupe, config: () => troupe.reloader.config }),
    ...budgetRoutes(troupe),
    ...deadLetterRoutes({
      ...troupe,
      versionsOf: troupe.effects.versionsOf,
      redactor: troupe.tapeKeeper.redactor,
    }),
    ...tapeRoutes({
      ...troupe,
      keeper: troupe.tapeKeeper,
      maxSteps: () => troupe.reloader.config.turns.maxSteps,
    }),
  ];
}
