import type { Agent } from "@troupe/contracts";
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import { type Call, headerOf, type PublicCall, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { type Fields, objectAt } from "../fields.ts";
import { openOutlet } from "../outlet.ts";
import { type Answer, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { agentCard } from "./card.ts";
import { guarded } from "./guarded.ts";
import { TaskHandler } from "./handler.ts";
import { createSdkLoader, type Sdk } from "./sdk.ts";

const VERSION_HEADER = "a2a-version";

/** Agents for other programs' agents: cards without a key, tasks with one. None of it where it is not configured. */
export function a2aRoutes(face: Face): readonly Route[] {
  const { a2a } = face.deps;
  const loadSdk = createSdkLoader();
  return [
    {
      method: "GET",
      path: "/.well-known/agent-card.json",
      access: "public",
      handle: (call) => card(face, call, a2a?.().agent),
    },
    {
      method: "GET",
      path: "/a2a/:id/.well-known/agent-card.json",
      access: "public",
      handle: (call) => card(face, call, idOf(call)),
    },
    {
      method: "POST",
      path: "/a2a/:id",
      access: "key",
      acceptsWork: true,
      handle: async (call) => answer(face, call, agentOf(face, idOf(call)), await loadSdk()),
    },
  ];
}

function agentOf(face: Face, id: string | undefined): Agent {
  const settings = face.deps.a2a?.();
  const { agents } = face.deps;
  const agent =
    settings?.enabled !== true
      ? undefined
      : id === undefined
        ? agents.list(DEFAULT_SPACE_ID)[0]
        : agents.get(DEFAULT_SPACE_ID, id);
  if (agent !== undefined) return agent;
  const message =
    settings?.enabled === true
      ? `There is no agent "${(id ?? "").slice(0, 64)}".`
      : "Agents are not offered over A2A here. An operator can set a2a.enabled.";
  throw new TroupeError(message, { code: "request.not_found" });
}

function card(face: Face, call: PublicCall, id: string | undefined): Reply {
  return jsonReply(cardOf(face, call, agentOf(face, id)));
}

function cardOf(face: Face, call: PublicCall, agent: Agent): ReturnType<typeof agentCard> {
  const base = face.deps.a2a?.().url ?? `http://${headerOf(call, "host") ?? "127.0.0.1"}`;
  return agentCard(agent, base.replace(/\/$/, ""), face.deps.version);
}

async function answer(face: Face, call: Call, agent: Agent, sdk: Sdk): Promise<Answer> {
  const body = objectAt(parseJson(await readBody(call, face.limits.mediaBodyBytes)), "body");
  const version = versionOf(call, body);
  const tasks = new TaskHandler(face, sdk, call, agent.spec.id);
  const handler = guarded(face, sdk, tasks, cardOf(face, call, agent));
  const rpc = version === "0.3" ? new sdk.LegacyRpc(handler) : new sdk.Rpc(handler);
  const told = await rpc.handle(body, new sdk.ServerCallContext({ requestedVersion: version }));
  if (!(Symbol.asyncIterator in told)) return jsonReply(told);
  const inWords = version === "0.3" ? sdk.legacyRpcError : sdk.rpcError;
  const failed = (error: unknown): object => ({ jsonrpc: "2.0", id: body.id ?? null, error: inWords(error) });
  return stream(face, call, withFailure(told, failed));
}

/** What ends a stream is its last word; the protocol's package leaves that to a server of its own. */
async function* withFailure(
  updates: AsyncGenerator<object, void, undefined>,
  failed: (error: unknown) => object,
): AsyncGenerator<object, void, undefined> {
  try {
    yield* updates;
  } catch (error) {
    yield failed(error);
  }
}

/** 0.3 knows no version header and writes its methods with a slash. */
function versionOf(call: Call, body: Fields): "0.3" | "1.0" {
  const asked = headerOf(call, VERSION_HEADER);
  if (asked?.startsWith("0.3") === true) return "0.3";
  if (asked?.startsWith("1.") === true) return "1.0";
  if (asked !== undefined) {
    throw new TroupeError(`A2A ${asked.slice(0, 20)} is not served; 1.0 and 0.3 are.`, {
      code: "request.invalid",
    });
  }
  return typeof body.method === "string" && body.method.includes("/") ? "0.3" : "1.0";
}

/** The first update is awaited, so that a refusal is a plain answer and not a stream. */
async function stream(
  face: Face,
  call: Call,
  updates: AsyncGenerator<object, void, undefined>,
): Promise<Answer> {
  const first = await updates.next();
  if (first.done === true) return jsonReply({});
  if ("error" in first.value) return jsonReply(first.value);
  let isGone = false;
  const outlet = openOutlet(call, eventText(first.value), {
    headers: {},
    bufferedBytes: face.limits.bufferedBytes,
    onGone: () => {
      isGone = true;
      // Between two updates only; one that is awaited ends with its turn, and then finds nobody.
      updates.return().catch(() => undefined);
    },
    onEnded: () => undefined,
  });
  const beat = { tick: () => outlet.write(": keep-alive\n\n"), abandon: () => undefined };
  face.watchers.add(beat);
  void (async () => {
    try {
      for await (const update of updates) {
        if (isGone) return;
        outlet.write(eventText(update));
      }
    } catch (error) {
      face.deps.logger.warn("gateway.stream_failed", { route: "POST /a2a/:agent", error });
    } finally {
      face.watchers.delete(beat);
      outlet.end("");
    }
  })();
  return outlet.response;
}

function eventText(update: object): string {
  return `data: ${JSON.stringify(update)}\n\n`;
}

function idOf(call: PublicCall): string {
  return call.context.req.param("id") ?? "";
}
