import { expect, it } from "vitest";
import { startScriptedModelServer } from "./scripted-model-server.ts";

const ask = (baseUrl: string): Promise<Response> =>
  fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hello" }] }),
  });

it("answers by its rule, and closes well when nothing went wrong", async () => {
  const server = await startScriptedModelServer();

  expect(await (await ask(server.baseUrl)).text()).toContain("hello");
  await server.close();
});

it("tells at its end what a rule threw: the client saw a broken line, which a test may take for granted", async () => {
  const server = await startScriptedModelServer();
  server.setRule(() => {
    throw new Error("the rule of a test failed");
  });

  await expect(ask(server.baseUrl)).rejects.toThrow();
  await expect(server.close()).rejects.toThrow("the rule of a test failed");
});
