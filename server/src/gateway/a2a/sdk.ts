import type { A2ARequestHandler } from "@a2a-js/sdk/server";

type RpcHandler = new (
  handler: A2ARequestHandler,
) => {
  handle(
    body: string | Record<string, unknown>,
    context: InstanceType<Sdk["ServerCallContext"]>,
  ): Promise<object | AsyncGenerator<object, void, undefined>>;
};

/** What of the protocol's own package is used: reading and writing its JSON-RPC, of version 1.0 and of 0.3. */
export interface Sdk {
  readonly Rpc: RpcHandler;
  readonly LegacyRpc: RpcHandler;
  /** An error in the words of either version. */
  readonly rpcError: (error: unknown) => object;
  readonly legacyRpcError: (error: unknown) => object;
  readonly ServerCallContext: typeof import("@a2a-js/sdk/server")["ServerCallContext"];
  readonly AgentCard: typeof import("@a2a-js/sdk")["AgentCard"];
  readonly errors: typeof import("@a2a-js/sdk/errors");
}

/** Loaded with the first call, not before. */
export function createSdkLoader(): () => Promise<Sdk> {
  let loading: Promise<Sdk> | undefined;
  const load = async (): Promise<Sdk> => {
    const [{ AgentCard }, server, legacy, errors] = await Promise.all([
      import("@a2a-js/sdk"),
      import("@a2a-js/sdk/server"),
      import("@a2a-js/sdk/compat/v0_3/server"),
      import("@a2a-js/sdk/errors"),
    ]);
    return {
      Rpc: server.JsonRpcTransportHandler,
      LegacyRpc: legacy.LegacyJsonRpcTransportHandler,
      rpcError: server.JsonRpcTransportHandler.mapToJSONRPCError,
      legacyRpcError: legacy.LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError,
      ServerCallContext: server.ServerCallContext,
      AgentCard,
      errors,
    };
  };
  return () => {
    loading ??= load();
    return loading;
  };
}
