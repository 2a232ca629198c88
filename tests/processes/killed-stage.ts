// A Troupe of real processes, one home each, that may be killed and stopped one by one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Turn } from "@troupe/contracts";
import {
  findPostgres,
  type NatsServer,
  type ScriptedModelServer,
  startScriptedModelServer,
} from "@troupe/testing";
import type { Role } from "../../server/src/app/roles.ts";
import { writeHome } from "../crash/home.ts";
import { createKeyHolder, createMember, type Member } from "../crash/member.ts";
import { AGENT_ID, type Entrance } from "../crash/wire.ts";

/** Nobody listens there, and nobody asks: these conversations go over HTTP. */
const NO_PLATFORM = "http://127.0.0.1:9";

export interface KilledStage extends AsyncDisposable {
  readonly model: ScriptedModelServer;
  /** Resolves when it works. */
  start(role: Role): Promise<Member>;
  /** Over the newest gateway. */
  say(text: string, options?: { readonly wait: boolean }): Promise<{ readonly turnId: string }>;
  turn(turnId: string): Promise<Turn>;
}

export async function openKilledStage(nats: NatsServer): Promise<KilledStage> {
  const database = await (await findPostgres())?.create();
  if (database === undefined) throw new Error("There is no PostgreSQL server.");
  const model = await startScriptedModelServer({ models: ["scripted"] });
  const folder = mkdtempSync(join(tmpdir(), "troupe-killed-"));
  const members: Member[] = [];
  const withKey = createKeyHolder();
  let gateway: Entrance | undefined;
  const call = async (path: string, body?: object): Promise<never> => {
    const response = await fetch(`${gateway?.gatewayUrl}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${gateway?.key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await response.json()) as never;
  };
  return {
    model,
    async start(role) {
      const name = `${role}-${members.length + 1}`;
      const home = join(folder, name);
      const bus = { url: nats.url, prefix: new URL(database.url).pathname.slice(1) };
      writeHome(
        home,
        { modelUrl: model.baseUrl },
        { storeUrl: database.url, bus, hasAgent: role === "gateway" },
      );
      const member = createMember({ name, role, home, platformUrl: NO_PLATFORM });
      members.push(member);
      if (!(await member.start())) throw new Error(`${name} did not start.`);
      gateway = withKey(member.entrance) ?? gateway;
      return member;
    },
    say: (text, { wait } = { wait: true }) =>
      call(`/api/agents/${AGENT_ID}/messages${wait ? "" : "?wait=false"}`, {
        text,
        session: "s",
        user: "kate",
      }),
    turn: async (turnId) => ((await call(`/api/turns/${turnId}`)) as { readonly turn: Turn }).turn,
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.kill()));
      await model.close();
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
