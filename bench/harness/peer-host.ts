// Runs one peer in a process of its own and takes commands over IPC: node peer-host.ts NAME MODEL_URL DATA_FOLDER.

import { messageText } from "./message-text.ts";
import { EXPECTED_REPLY } from "./model.ts";
import type { Peer, PeerCommand, TurnTimes, Work, WorkResult } from "./peer.ts";
import { monotonicMs } from "./statistics.ts";

const MOST_FAULTS = 3;

async function openPeer(name: string, baseUrl: string, dataFolder: string): Promise<Peer> {
  switch (name) {
    case "ai":
      return (await import("./peers/ai.ts")).createAiPeer(baseUrl);
    case "ai-sqlite":
      return (await import("./peers/ai-sqlite.ts")).createSqliteTurns(baseUrl, dataFolder);
    case "ai-http":
      return (await import("./peers/ai-http.ts")).createAiHttpPeer(baseUrl, dataFolder);
    case "troupe":
      return (await import("../peer-adapter.mjs")).setup({ baseURL: baseUrl, dataDir: dataFolder });
    default:
      throw new Error(`There is no peer ${name}.`);
  }
}

let conversations = 0;
let messages = 0;

async function work(peer: Peer, wanted: Work): Promise<WorkResult> {
  const turns: TurnTimes[] = [];
  const faults: string[] = [];
  let bad = 0;
  let begun = 0;
  const startedMs = monotonicMs();

  async function oneTurn(conversation: string): Promise<void> {
    const text = messageText(wanted.kind, ++messages);
    let firstTokenMs = 0;
    const turnStartedMs = monotonicMs();
    let fault: string | undefined;
    try {
      const reply = await peer.turn(conversation, text, () => {
        if (firstTokenMs === 0) firstTokenMs = monotonicMs();
      });
      // Without its time, the time to the first token would come out below zero and keep to any target.
      if (firstTokenMs === 0) fault = "a reply without a first token";
      if (reply !== EXPECTED_REPLY) fault = `bad reply ${JSON.stringify(reply).slice(0, 300)}`;
    } catch (error) {
      fault = String(error);
    }
    turns.push({ startedMs: turnStartedMs, firstTokenMs, endedMs: monotonicMs() });
    if (fault === undefined) return;
    bad++;
    if (faults.length < MOST_FAULTS) faults.push(fault);
  }

  async function converse(): Promise<void> {
    let conversation = wanted.conversation ?? "";
    for (let turn = 0; begun < wanted.maxTurns && monotonicMs() - startedMs < wanted.maxMs; turn++) {
      begun++;
      if (wanted.conversation === undefined && turn % wanted.turnsPerConversation === 0)
        conversation = `bench-${process.pid}-${++conversations}`;
      await oneTurn(conversation);
    }
  }

  await Promise.all(Array.from({ length: wanted.concurrency }, converse));
  return { turns, wallMs: monotonicMs() - startedMs, bad, faults };
}

const [name = "", baseUrl = "", dataFolder = ""] = process.argv.slice(2);
const peer = await openPeer(name, baseUrl, dataFolder);

async function obey(command: PeerCommand): Promise<unknown> {
  return command.kind === "work" ? work(peer, command.work) : (peer.pids?.() ?? [process.pid]);
}

process.on("message", ({ id, command }: { readonly id: number; readonly command: PeerCommand }) => {
  obey(command).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on("disconnect", () => {
  Promise.resolve(peer.close?.()).then(
    () => process.exit(),
    () => process.exit(1),
  );
});
process.send?.({ id: 0 });
