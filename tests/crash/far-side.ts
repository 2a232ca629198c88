// Everything that outlives a killed process: the platform with its people, the world that tools act on, the model.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { ModelMessage, OutboundMessage } from "@troupe/contracts";
import {
  startScriptedModelServer,
  type WireMessage,
  type WireRequest,
} from "../../testing/src/scripted-model-server.ts";
import type { ScriptedAnswer } from "../../testing/src/scripted-model-wire.ts";
import type { PlatformArrival, Random } from "../../testing/src/simulator/index.ts";
import { answerOf, type SeenPrompt, seenIn } from "../sim/script.ts";

export interface FarSide extends AsyncDisposable {
  readonly platformUrl: string;
  readonly modelUrl: string;
  readonly arrived: readonly PlatformArrival[];
  readonly acts: ReadonlyMap<string, number>;
  readonly prompts: readonly SeenPrompt[];
}

/** How long things take at most: the platform before each of its acts, and again after it, and the model for a word. */
export interface Pace {
  readonly platformMs: number;
  readonly modelMs: number;
}

const QUICK: Pace = { platformMs: 6, modelMs: 8 };

export async function openFarSide(random: Random, pace: Pace = QUICK): Promise<FarSide> {
  const arrived: PlatformArrival[] = [];
  const acts = new Map<string, number>();
  const prompts: SeenPrompt[] = [];

  const model = await startScriptedModelServer({ models: ["scripted"] });
  model.setRule((request) => {
    const messages = request.messages.map(toModelMessage);
    prompts.push(seenIn({ messages }, Date.now()));
    return { ...toAnswer(messages, request), gapMs: random.int(0, pace.modelMs) };
  });

  const answer = (path: string, body: Record<string, string>): Record<string, string> => {
    const [, what, channel = ""] = path.split("/");
    const { key = "", target = "", text = "" } = body;
    if (what === "act") {
      acts.set(key, (acts.get(key) ?? 0) + 1);
      return {};
    }
    const known = arrived.find((one) => one.key === key);
    if (what === "find") return known === undefined ? {} : { platformId: known.platformId };
    if (channel === "keyed" && known !== undefined) return { platformId: known.platformId };
    const platformId = `p${arrived.length + 1}`;
    arrived.push({
      channel,
      key,
      target,
      text,
      platformId,
      atMs: performance.now(),
    } satisfies PlatformArrival & OutboundMessage);
    return { platformId };
  };
  const server = createServer((request, response) => {
    bodyOf(request).then(
      // It takes a moment before and after, so that a kill falls into either.
      (text) =>
        setTimeout(
          () => {
            const body = JSON.stringify(
              answer(request.url ?? "", JSON.parse(text) as Record<string, string>),
            );
            setTimeout(() => response.end(body), random.int(0, pace.platformMs));
          },
          random.int(0, pace.platformMs),
        ),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    platformUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    modelUrl: model.baseUrl,
    arrived,
    acts,
    prompts,
    async [Symbol.asyncDispose]() {
      await model.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toAnswer(messages: readonly ModelMessage[], { tools = [] }: WireRequest): ScriptedAnswer {
  const { text, calls } = answerOf(messages, tools.length > 0);
  if (calls.length === 0) return { text };
  // No space in a call's id, and none twice in a conversation: real servers make unique ones.
  const toolCalls = calls.map((call) => ({ ...call, callId: `${call.callId}_${messages.length}` }));
  return { toolCalls };
}

function toModelMessage({
  role,
  content,
  tool_calls: calls = [],
  tool_call_id: callId,
}: WireMessage): ModelMessage {
  const text = content ?? "";
  if (role === "tool") return { role, callId: callId ?? "", name: "", text, isError: false };
  if (role !== "assistant") return { role: role === "user" ? "user" : "system", text };
  return {
    role,
    text,
    calls: calls.map(({ id, function: { name, arguments: input } }) => ({
      callId: id,
      name,
      arguments: input,
    })),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}
