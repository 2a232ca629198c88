// The driver's side of a peer: its process, its processor time, its data folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import type { PeerCommand, PeerName, Work, WorkResult } from "./peer.ts";
import { cpuMs } from "./process-meter.ts";
import { sleep } from "./statistics.ts";

export interface MeasuredWork extends WorkResult {
  /** All of the peer's threads, what it does after the replies included. */
  readonly cpuMs: number;
}

export interface PeerProcess extends AsyncDisposable {
  readonly name: PeerName;
  readonly processIds: readonly number[];
  /** Throws when one reply is bad: a figure over such work would mean nothing. */
  work(work: Partial<Work>): Promise<MeasuredWork>;
}

/** Background work of a turn, indexing and effects, is over by then and counts. */
const SETTLE_MS = 250;

const DEFAULTS: Work = {
  kind: "plain",
  concurrency: 1,
  maxTurns: Number.MAX_SAFE_INTEGER,
  maxMs: 1000,
  turnsPerConversation: 10,
};

export async function startPeer(name: PeerName, modelUrl: string): Promise<PeerProcess> {
  const dataFolder = mkdtempSync(join(tmpdir(), "troupe-bench-"));
  let host: Child;
  try {
    host = await startChild(new URL("./peer-host.ts", import.meta.url), [name, modelUrl, dataFolder]);
  } catch (error) {
    rmSync(dataFolder, { recursive: true, force: true });
    throw new Error(`The peer ${name} did not become ready.`, { cause: error });
  }
  const ask = (command: PeerCommand, withinMs?: number): Promise<unknown> => host.ask(command, withinMs);
  const processIds = (await ask({ kind: "pids" })) as readonly number[];
  const cpu = (): number => processIds.reduce((sum, processId) => sum + cpuMs(processId), 0);
  return {
    name,
    processIds,
    async work(changes) {
      const work = { ...DEFAULTS, ...changes };
      const before = cpu();
      const result = (await ask({ kind: "work", work }, work.maxMs + 120_000)) as WorkResult;
      if (result.bad > 0) {
        throw new Error(
          `${name}: ${result.bad} of ${result.turns.length} replies are bad.\n${result.faults.join("\n")}`,
        );
      }
      await sleep(SETTLE_MS);
      return { ...result, cpuMs: cpu() - before };
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
