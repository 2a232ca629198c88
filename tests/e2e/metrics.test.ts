import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSocket } from "../../server/src/gateway/websocket/fixture-client.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

/** The page of counters after some work, as Prometheus reads it. */

const hasPromtool = spawnSync("promtool", ["--version"]).error === undefined;

let home: ServedHome;

beforeEach(async () => {
  home = await serveHome("limits: { keyPerMinute: 1000 }\n");
});

afterEach(() => home[Symbol.asyncDispose]());

async function pageAfterWork(): Promise<string> {
  const headers = { authorization: `Bearer ${home.key}`, "content-type": "application/json" };
  const body = JSON.stringify({ text: 'use tool dice {"dice":"2d6"}', session: "s" });
  await fetch(`${home.address}/api/agents/ana/messages`, { method: "POST", headers, body });
  await fetch(`${home.address}/api/agents`, { headers: { authorization: "Bearer wrong" } });
  const client = openSocket(home.address, { headers });
  await client.of("welcome");
  client.send({ type: "send", id: "m", agent: "ana", session: "s", text: 'what does "this" mean?\n' });
  await client.next((frame) => frame.event?.type === "end");
  client.socket.terminate();
  const page = await fetch(`${home.serving.addresses?.metrics}/metrics`);
  expect(page.headers.get("content-type")).toContain("version=0.0.4");
  return page.text();
}

test.skipIf(!hasPromtool)(
  "promtool accepts the page (needs promtool: Debian, Ubuntu: apt install prometheus)",
  async () => {
    const page = await pageAfterWork();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: page });

    expect([String(stdout), String(stderr), status]).toEqual(["", "", 0]);
  },
);

test("names are ours or every process's, counters say total, and queues and lanes are there", async () => {
  const page = await pageAfterWork();
  const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type]) => ({ name, type }));
  for (const { name, type } of types) {
    expect(name).toMatch(/^(troupe|process)_[a-z0-9_]+$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
  }

  for (const line of [
    'troupe_turns_total{state="replied"} 2',
    'troupe_turns_running{lane="realtime"} 0',
    'troupe_turns_running{lane="heavy"} 0',
    "troupe_turns_waiting 0",
    'troupe_effects_running{lane="background"}',
    "troupe_store_queue_length",
    "troupe_bus_queue_length",
    "troupe_turn_feed_turns",
    "troupe_session_views 1",
    'troupe_websocket_frames_total{type="send"} 1',
    'troupe_http_requests_total{route="/api/agents/:id/messages",status="200"} 1',
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
  ]) {
    expect(page).toContain(line);
  }
});
