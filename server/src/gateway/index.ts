/** The faces: HTTP for everybody with a key, the admin socket for the operator, and the counters. */
export type {
  AdminRequest,
  AdminRoute,
  FaceDeps,
  FaceLimits,
  FaceStores,
  GatewayConfig,
  Health,
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
export { createKeyRing, hashKey, type KeyRing } from "./key-ring.ts";
export type { Listening } from "./listener.ts";
