// For tests of agents among themselves: one stage a test, a script of what each agent answers, and what came of it.
import type { AgentDelivery, AgentSpec, ModelRequest, Turn } from "@troupe/contracts";
import type { ScriptedReply } from "@troupe/testing";
import { afterEach, beforeEach } from "vitest";
import {
  messagesOf,
  NEVER,
  openStage,
  type ProcessOptions,
  type Stage,
  type StagedProcess,
} from "./stage.ts";

export const options: { readonly signal: AbortSignal } = { signal: NEVER };
const END_MS = 15_000;

/** What each agent answers, by its name. What a tool said begins with `result: `. */
export const script: Record<string, (said: string, request: ModelRequest) => ScriptedReply> = {};
/** Of the test that runs. */
export let stage: Stage;
let life: AbortController;
beforeEach(async () => {
  for (const name of Object.keys(script)) delete script[name];
  life = new AbortController();
  stage = await openStage({ rule: (request) => replyTo(request) });
});
afterEach(async () => {
  life.abort(new Error("the test is over"));
  await stage.close();
});

function replyTo(request: ModelRequest): ScriptedReply {
  const head = request.messages.find(({ role }) => role === "system")?.text ?? "";
  const name = /Your name is (\w+)\./.exec(head)?.[1] ?? "";
  const last = request.messages.at(-1);
  const said = last?.text ?? "";
  return (
    script[name]?.(last?.role === "tool" ? `result: ${said}` : said, request) ?? {
      text: `${name} heard: ${said}`,
    }
  );
}

let calls = 0;
export function call(name: string, input: object): ScriptedReply {
  calls += 1;
  return {
    calls: [{ callId: `call-${calls}`, name, arguments: JSON.stringify(input) }],
    reason: "tool-calls",
  };
}

export const other = (id: string, more: Partial<AgentSpec> = {}): AgentSpec => ({
  id,
  name: id[0]?.toUpperCase() + id.slice(1),
  model: "default",
  instructions: "You help.",
  delegates: ["*"],
  acceptsFrom: ["*"],
  ...more,
});

export const open = (over: Partial<ProcessOptions> = {}): Promise<StagedProcess> =>
  stage.process("one", {
    spec: { delegates: ["*"], acceptsFrom: ["*"] },
    others: [other("kate"), other("bob")],
    life: life.signal,
    ...over,
  });

/** Lets everything happen until `isSo`, some seconds of the clock at most. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + END_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error("It never came to it.");
    await stage.clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const textsOf = async (sessionId: string): Promise<readonly string[]> =>
  (await messagesOf(stage, sessionId)).map(
    ({ role, parts }) =>
      `${role}: ${parts.map((part) => (part.type === "text" ? part.text : part.type)).join(" ")}`,
  );

export const deliveries = async (): Promise<readonly AgentDelivery[]> =>
  (await stage.stores.agentDeliveries.list({ spaceId: "default" }, options)).items;

export const turnsOf = async (rootTurnId: string): Promise<readonly Turn[]> =>
  (await stage.stores.turns.list({ spaceId: "default", rootTurnId }, options)).items;
