import { join } from "node:path";
import type { AdminRoute, FaceDeps, Listening } from "../gateway/index.ts";
import type { Troupe } from "./compose.ts";
import { displayPath } from "./config/index.ts";
import { prepareSocketFolder } from "./runtime-path.ts";

/** Everything that listens. */
export interface Faces {
  /** `http://127.0.0.1:8080`; absent where no port was opened. */
  readonly addresses:
    | { readonly gateway: string; readonly metrics: string; readonly admin: string }
    | undefined;
  close(options: { readonly graceMs: number }): Promise<void>;
}

/**
 * Opens the admin socket, and with `ports` the gateway, the metrics and the admin port. Where one cannot be opened, those
 * that were are closed again. Rejects with `port.taken`, naming who has it and the setting.
 */
export async function openFaces(
  troupe: Troupe,
  options: { readonly socketPath: string; readonly ports: boolean },
): Promise<Faces> {
  // Loaded here, so that the modules of HTTP compile while the store opens its threads.
  const { createAdminApp, createGateway, createKeyRing, createMetricsListener } = await import(
    "../gateway/index.ts"
  );
  const { stores, clock, ids, logger, metrics, inbox, feed, control, agents, health, version } = troupe;
  const { config } = troupe.reloader;
  const { host, port, metricsPort, adminPort, allowedHosts = [], allowedOrigins = [] } = config.server;
  const deps: FaceDeps = {
    ...{ stores, clock, ids, logger, metrics, inbox, feed, control, agents, version },
    keyRing: createKeyRing({ keys: stores.keys, clock }),
    health: {
      ready: () => health.ready(),
      status: () => troupe.status({ signal: new AbortController().signal }),
    },
    limits: { bodyBytes: config.limits.bodyBytes },
  };
  const open: Listening[] = [];
  const close: Faces["close"] = async ({ graceMs }) => {
    await Promise.all(open.map((listening) => listening.close({ graceMs })));
  };
  const setting = (name: string): { setting: string } => ({
    setting: `server.${name} in ${displayPath(join(config.home, "troupe.yaml"))}`,
  });
  try {
    if (options.ports) {
      const at = { host, allowedHosts, allowedOrigins };
      open.push(await createGateway({ ...deps, config: { ...at, port } }).listen(setting("port")));
      const metricsFace = createMetricsListener({
        metrics,
        clock,
        logger,
        config: { ...at, port: metricsPort },
      });
      open.push(await metricsFace.listen(setting("metricsPort")));
      open.push(
        await createGateway({ ...deps, config: { ...at, port: adminPort } }).listen(setting("adminPort")),
      );
    }
    // Last, so that whoever finds the socket finds everything.
    prepareSocketFolder(options.socketPath);
    open.push(
      await createAdminApp({ ...deps, adminRoutes: adminRoutes(troupe) }).listen({
        socketPath: options.socketPath,
      }),
    );
  } catch (error) {
    await close({ graceMs: 0 });
    throw error;
  }
  const [gateway, metricsAt, admin] = open.map((listening) => listening.address);
  const addresses =
    options.ports && gateway !== undefined && metricsAt !== undefined && admin !== undefined
      ? { gateway, metrics: metricsAt, admin }
      : undefined;
  return { addresses, close };
}

function adminRoutes(troupe: Troupe): readonly AdminRoute[] {
  return [{ method: "POST", path: "/admin/reload", handle: () => troupe.reloader.reload() }];
}
