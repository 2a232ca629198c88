import type { SessionControl } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { erasePeer } from "./erase-peer.ts";

const options = { signal: new AbortController().signal };
const of = { spaceId: "default", peerId: "peer-1" };

test("somebody with thousands of conversations, each of one message, is erased in one go", async () => {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const parts = { clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() };
  const { stores, applySync, close } = openInlineStores({ memory: true, ...parts });
  for (let n = 0; n < 4_300; n++) {
    const id = `session-${n}`;
    const whose = { spaceId: "default", agentId: "ana", peerId: "peer-1", ownerId: "peer-1" };
    const touch = { ...whose, id, key: id, channel: "api", audience: ["peer-1"], stateless: true, at: 1 };
    applySync([stores.sessions.touch({ ...touch, count: 1 })]);
  }
  const sessionControl: SessionControl = {
    async remove(id) {
      const write = stores.sessions.remove(id);
      return { ...applySync([write]).read(write), cancelled: [] };
    },
  };
  const blobs = { delete: async () => undefined };

  const rung: string[] = [];
  const bus = { publish: (subject: string) => void rung.push(subject) };
  const workspaceEraser = {
    count: async () => 0,
    eraseHeld: () => Promise.resolve(),
    erase: async () => ({ files: 0, rewritten: [], dropped: [] }),
  };
  const erasing = { ...parts, stores, blobs, sessionControl, bus, workspaceEraser };

  const erased = await erasePeer(erasing, of, options);

  expect(erased.sessions).toBe(4_300);
  expect(await stores.erasure.sessionIds(of, options)).toEqual([]);
  // Whoever was linked with them is aware of it no more.
  expect(rung).toEqual(["memory.closed", "persons.changed"]);
  await close();
});
