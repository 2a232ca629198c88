import { LLMock } from "@copilotkit/aimock";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { expect, test } from "vitest";
import { serveHome } from "../e2e/served-home.ts";

test("a call for vectors that failed is in the ledger too, and its caller is told why", async () => {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  await mock.start();
  await using home = await serveHome("", {
    providers: `, far: { kind: openai, baseUrl: "${mock.url}/v1", apiKey: k }`,
    models: ", embedding: [far/text-embedding-3-small]",
  });
  mock.nextRequestError(401, { message: "No such key." });

  const answer = await fetch(`${home.address}/v1/embeddings`, {
    method: "POST",
    headers: { authorization: `Bearer ${home.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "embedding", input: "cat" }),
  });
  const told = await answer.text();
  const day = new Date().toISOString().slice(0, 10);
  const { items } = await home.serving.troupe.stores.ledger.usage(
    { spaceId: DEFAULT_SPACE_ID, by: "purpose", fromDay: day, toDay: day },
    { signal: new AbortController().signal },
  );
  await mock.stop();

  expect(answer.ok).toBe(false);
  expect(told).toContain("refused our key");
  expect(items).toMatchObject([{ key: "embedding", calls: 1, failedCalls: 1, inputTokens: 0 }]);
});
