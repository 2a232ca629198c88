/** The faces: HTTP for everybody with a key, the admin socket for the operator, and the counters. */

export { createBrowserRing } from "./browsers.ts";
export type {
  AdminRequest,
  AdminRoute,
  Embedder,
  FaceDeps,
  FaceLimits,
  FaceStores,
  GatewayConfig,
  Health,
  PageAbsence,
  PageFile,
  PageSource,
} from "./deps.ts";
export { ERROR_STATUS } from "./error-status.ts";
export {
  type AdminApp,
  createAdminApp,
  createGateway,
  createMetricsListener,
  type Gateway,
  type MetricsListener,
} from "./gateway.ts";
export { createKeyRing, type KeyRing } from "./key-ring.ts";
export { type Listening, whyPortCannotOpen } from "./listener.ts";

/** The description of all routes; loaded when somebody asks for it. */
export function loadOpenApi(): Promise<typeof import("./openapi.ts")> {
  return import("./openapi.ts");
}
