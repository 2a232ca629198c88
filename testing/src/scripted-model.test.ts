import type { ModelMessage, ModelRequest } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { expect, it } from "vitest";
import { createManualClock } from "./manual-clock.ts";
import { createScriptedModel } from "./scripted-model.ts";
import { collectEvents, endOf, type ModelHarness, modelContract, textIn } from "./suites/model-contract.ts";

const ask = (text: string): ModelRequest => ({ messages: [{ role: "user", text }], tools: [] });
const tools = ["one", "two"].map((name) => ({
  name,
  description: name,
  inputSchema: {},
  kind: "pure" as const,
}));

modelContract("scripted model", async (): Promise<ModelHarness> => {
  const model = createScriptedModel({
    rule: ({ messages }) => {
      const newest = messages.at(-1) as ModelMessage;
      const count = newest.role === "user" ? Number(/^(\d) calls$/.exec(newest.text)?.[1] ?? 0) : 0;
      if (newest.text === "nothing") return {};
      if (count === 0) return { tokens: ["Just ", "words, ", "їжак"] };
      return { calls: tools.slice(0, count).map(({ name }) => ({ callId: name, name, arguments: "{}" })) };
    },
  });
  return {
    model,
    forText: () => ask("text"),
    forCalls: (count) => ({ ...ask(`${count} calls`), tools }),
    forUnicode: () => ({ request: ask("text"), text: "Just words, їжак" }),
    forNothing: () => ask("nothing"),
    close: () => Promise.resolve(),
  };
});

it("waits by the clock alone, and says what it was told in order", async () => {
  const clock = createManualClock();
  const model = createScriptedModel({ clock });
  model.enqueue(
    { text: "late", delayMs: 500 },
    { error: new TroupeError("Out.", { code: "model.unavailable" }) },
  );

  const late = collectEvents(model, ask("a"));
  let isDone = false;
  void late.then(() => {
    isDone = true;
  });
  await clock.advance(499);
  const wasDone = isDone;
  await clock.advance(1);

  expect(wasDone).toBe(false);
  expect(textIn(await late)).toBe("late");
  expect(endOf(await collectEvents(model, ask("b"))).error?.code).toBe("model.unavailable");
  expect(model.requests.map((request) => request.messages[0]?.text)).toEqual(["a", "b"]);
});

it("hangs until it is aborted when told to", async () => {
  const model = createScriptedModel();
  model.enqueue({ text: "half", hang: true });
  const controller = new AbortController();

  const events = collectEvents(model, ask("a"), controller.signal);
  setImmediate(() => controller.abort());

  expect(endOf(await events).reason).toBe("aborted");
  expect(textIn(await events)).toBe("half");
});
