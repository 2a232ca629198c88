import type { Storyline } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenGateway, openGateway } from "./fixture-http.ts";

let open: OpenGateway;
beforeEach(async () => {
  open = await openGateway();
});
afterEach(() => open.close());

/** What it holds by now is known to these. */
function storylineOf(sessionId: string, audience: readonly string[]): Storyline {
  return {
    ...{ id: "line", spaceId: DEFAULT_SPACE_ID, agentId: "ana", sessionId, audience, updatedAt: 1 },
    ...{ title: "Cake for max", summary: "Kate bakes a cake.", summaryTurnSeq: 3 },
  };
}

async function seen(sessionId: string, turnId: string): Promise<string> {
  const paths = [
    ...["", "/export", "/export?format=markdown", `/compare/${sessionId}`].map(
      (end) => `/api/sessions/${sessionId}${end}`,
    ),
    `/api/turns/${turnId}`,
  ];
  return (await Promise.all(paths.map(async (path) => (await open.call(path)).text()))).join("\n");
}

test("title and summary of a storyline are shown where all who read the conversation may know them, and to operators", async () => {
  const { stage } = open;
  await open.call("/api/agents/ana/messages", { method: "POST", body: { text: "hello", session: "s" } });
  const [{ id: turnId, sessionId } = { id: "", sessionId: "" }] = stage.accepted;
  let storyline = storylineOf(sessionId, ["key-1"]);
  Object.assign(stage.deps.stores.storylines, { ofSession: async () => storyline });
  Object.assign(stage.deps.stores, { effects: { ofTurn: async () => [] } });
  expect(await seen(sessionId, turnId)).toMatch(/Cake for max[\s\S]*Kate bakes/);

  storyline = storylineOf(sessionId, ["kate"]);
  expect(await seen(sessionId, turnId)).not.toMatch(/Cake|Kate/);

  open.key = stage.addKey({ kind: "operator" });
  expect(await seen(sessionId, turnId)).toMatch(/Cake for max[\s\S]*Kate bakes/);
});
