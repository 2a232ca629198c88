import type { EffectHandler, LanguageModel, Message, ModelRequest } from "@troupe/contracts";
import { createScriptedModel } from "@troupe/testing";
import { createIdGenerator } from "../../server/src/kit/index.ts";
import { createSummaryHandler } from "../../server/src/memory/index.ts";
import type { Stage } from "./stage.ts";

/** What a prompt is made of, as text that grows at its end: what a provider's cache compares. */
export function bytesOf(request: ModelRequest): string {
  return request.messages.map((message) => JSON.stringify(message)).join("\n");
}

/** Percent of the previous request that the next one begins with. */
export function prefixShare(previous: string, next: string): number {
  let same = 0;
  while (same < previous.length && previous[same] === next[same]) same += 1;
  return (same / previous.length) * 100;
}

/** Makes summaries with a model of their own, which says what `rule` makes of the lines that it is given. */
export function summariser(
  stage: Stage,
  rule: (lines: string) => string,
): { readonly handler: EffectHandler; readonly requests: readonly ModelRequest[] } {
  const model = createScriptedModel({
    rule: ({ messages }) => ({ text: rule(messages.at(-1)?.text ?? "") }),
  });
  const choice = { model: model as LanguageModel, name: "scripted/summaries", price: undefined };
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const handler = createSummaryHandler({
    ...stage.stores,
    router: {
      choices: () => [choice],
      async *stream(_choices, request, { signal, onModel }) {
        onModel(choice);
        yield* model.stream(request, { signal });
      },
    },
    agents: {
      get: (spaceId) => ({
        ...{ spaceId, revision: 1 },
        spec: { id: "ana", name: "Ana", model: "default", instructions: "You help." },
      }),
      list: () => [],
    },
    budgets: { of: () => [], atLimit: async () => ({ kind: "retry" }) },
    clock: stage.clock,
    ids: createIdGenerator(stage.clock),
    logger: { ...silent, child: () => ({ ...silent, child: () => undefined as never }) },
  });
  return { handler, requests: model.requests };
}

export function textsOf(messages: readonly Message[]): readonly string[] {
  return messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === "text" ? [part.text] : [])));
}
