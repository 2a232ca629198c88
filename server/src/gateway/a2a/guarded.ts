import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import { TroupeError } from "@troupe/contracts";
import type { Face } from "../face.ts";
import { UNPLANNED } from "../reply.ts";
import type { TaskHandler } from "./handler.ts";
import type { Sdk } from "./sdk.ts";

/** The handler with our errors in the protocol's words, and what Troupe does not offer refused by name. */
export function guarded(
  face: Face,
  { errors, AgentCard }: Sdk,
  handler: TaskHandler,
  card: Readonly<Record<string, unknown>>,
): A2ARequestHandler {
  const translated = (error: unknown): unknown => {
    if (!TroupeError.is(error)) {
      // The protocol's own errors are meant for the client.
      if (error instanceof Error && "toErrorInfo" in error) return error;
      face.deps.logger.error("gateway.request_failed", { route: "POST /a2a/:agent", error });
      return new Error(UNPLANNED.message);
    }
    switch (error.code) {
      case "request.not_found":
        return new errors.TaskNotFoundError(error.message);
      case "request.invalid":
      case "request.too_large":
      case "request.conflict":
        return new errors.RequestMalformedError(error.message);
      default:
        return error;
    }
  };
  const one = async <Answer>(run: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await run();
    } catch (error) {
      throw translated(error);
    }
  };
  async function* many<Update>(updates: AsyncGenerator<Update, void, undefined>) {
    try {
      yield* updates;
    } catch (error) {
      throw translated(error);
    }
  }
  const noPush = (): Promise<never> =>
    Promise.reject(new errors.PushNotificationNotSupportedError("Troupe calls nobody back."));
  const noCard = (): Promise<never> =>
    Promise.reject(new errors.ExtendedAgentCardNotConfiguredError("There is one card, for everybody."));
  return {
    sendMessage: (request) => one(() => handler.sendMessage(request)),
    sendMessageStream: (request) => many(handler.sendMessageStream(request)),
    resubscribe: (request) => many(handler.resubscribe(request)),
    getTask: (request) => one(() => handler.getTask(request)),
    cancelTask: (request) => one(() => handler.cancelTask(request)),
    listTasks: (request) => one(() => handler.listTasks(request)),
    getAgentCard: async () => AgentCard.fromJSON(card),
    getAuthenticatedExtendedAgentCard: noCard,
    createTaskPushNotificationConfig: noPush,
    getTaskPushNotificationConfig: noPush,
    listTaskPushNotificationConfigs: noPush,
    deleteTaskPushNotificationConfig: noPush,
  };
}
