/** Several processes are one Troupe: gateway, agents and worker on one PostgreSQL and NATS. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutboundMessage } from "@troupe/contracts";
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import { findPostgres, NO_NATS, NO_POSTGRES, startNatsServer } from "@troupe/testing";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkRole } from "../../server/src/app/roles.ts";
import { storylineRoutes } from "../../server/src/app/storyline-routes.ts";
import { derivedId } from "../../server/src/kit/index.ts";
import { migrations } from "../../server/src/store/index.ts";
import { openProcessStage, type ProcessStage, type StagedMember } from "./stage.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const WAIT = { timeout: 60_000, interval: 25 };
const options = { signal: new AbortController().signal };

const postgres = await findPostgres();
const nats = postgres === undefined ? undefined : await startNatsServer();
const lacking = postgres === undefined ? NO_POSTGRES : nats === undefined ? NO_NATS : undefined;
afterAll(() => nats?.[Symbol.asyncDispose]());

it("a role that leaves work to others is refused where nobody else could do it, with what to do", () => {
  const refusal = (url: string): unknown => {
    try {
      checkRole("agent", { store: { url }, bus: { url: "local:" } });
    } catch (error) {
      return error;
    }
  };

  expect(TroupeError.is(refusal("sqlite:data/troupe.db"), "config.invalid")).toBe(true);
  expect(String(refusal("sqlite:data/troupe.db"))).toContain("./troupe migrate --to");
  expect(String(refusal("postgres://h/d"))).toContain("nats://HOST:4222");
  expect(() => checkRole("all", { store: { url: "sqlite:x" }, bus: { url: "local:" } })).not.toThrow();
});

describe.skipIf(lacking !== undefined)(
  `several processes${lacking === undefined ? "" : ` (${lacking})`}`,
  () => {
    let stage: ProcessStage;
    beforeEach(async () => {
      if (nats === undefined) throw new Error("There is no NATS server.");
      stage = (await openProcessStage(nats)) as ProcessStage;
    });
    afterEach(async () => {
      nats?.resume();
      await stage[Symbol.asyncDispose]();
    });

    // biome-ignore lint/suspicious/noExplicitAny: a precise type would repeat what the assertion says.
    const json = async (response: Promise<Response>): Promise<any> => (await response).json();
    const say = (gateway: StagedMember, text: string, session = "s") =>
      json(stage.call(gateway, "/api/agents/ana/messages", { text, session, user: "kate" }));
    const accept = (gateway: StagedMember, text: string, session = "s") =>
      json(stage.call(gateway, "/api/agents/ana/messages?wait=false", { text, session, user: "kate" }));
    const turnOf = (member: StagedMember, turnId: string) =>
      member.serving.troupe.stores.turns.get(turnId, options);
    const running = (member: StagedMember, turnId: string) =>
      expect.poll(async () => (await turnOf(member, turnId))?.state, WAIT).toBe("running");
    const connected = (...members: readonly StagedMember[]) =>
      expect
        .poll(() => members.every(({ serving }) => serving.troupe.health.ready().notes === undefined), WAIT)
        .toBe(true);

    it("takes a message in one process, answers it in another, and delivers the reply in a third", async () => {
      const sent: OutboundMessage[] = [];
      const wire = { id: "wire", delivery: "keyed" } as const;
      const gateway = await stage.start("gateway");
      const agent = await stage.start("agent");
      const worker = await stage.start("worker", {
        channels: [
          {
            ...wire,
            send: async (message) => {
              sent.push(message);
              return {};
            },
          },
        ],
      });
      await connected(gateway, agent, worker);

      const accepted = await gateway.serving.troupe.inbox.accept(
        {
          ...{ agentId: "ana", channel: "wire", sessionKey: "s", peerId: "kate", audience: ["kate"] },
          ...{ parts: [{ type: "text", text: "Hello" }], trigger: "chat", lane: "realtime", debounceMs: 0 },
          ...{ receivedAt: Date.now(), replyTo: { channel: "wire", target: "room" } },
        },
        { spaceId: DEFAULT_SPACE_ID, kind: "channel", id: "wire" },
        options,
      );
      await expect.poll(() => sent.length, WAIT).toBe(1);

      const turn = await turnOf(gateway, accepted.kind === "accepted" ? accepted.turnId : "");
      expect(turn).toMatchObject({ state: "replied", owner: agent.id, attempt: 1 });
      expect(sent.map(({ target }) => target)).toEqual(["room"]);
      for (const one of [agent, worker]) {
        const ready = await fetch(`${one.serving.addresses?.metrics}/ready`);
        expect([ready.status, one.serving.addresses?.gateway]).toEqual([200, undefined]);
      }
      const status = await gateway.serving.troupe.status(options);
      const roles = status.processes.map(({ role, facts }) => [role, facts?.role]).toSorted();
      expect(roles).toEqual([
        ["agent", "agent"],
        ["gateway", "gateway"],
        ["worker", "worker"],
      ]);
    });

    it("shows tokens of a turn that runs elsewhere as they come, on the API's and on OpenAI's stream", async () => {
      const gateway = await stage.start("gateway");
      const agent = await stage.start("agent");
      await connected(gateway, agent);
      const goOn = Promise.withResolvers<void>();
      stage.model.setRule(() => ({
        tokens: ["One", " two"],
        // The second word waits until the first was seen.
        pace: (chunk) => (chunk >= 2 ? goOn.promise : Promise.resolve()),
      }));
      const streamed = async (path: string, body: object): Promise<string> => {
        const key = { text: "count", session: path, user: "kate", stream: true, ...body };
        const response = await stage.call(gateway, path, key);
        const decoder = new TextDecoder();
        let text = "";
        for await (const piece of response.body ?? []) {
          text += decoder.decode(piece as Uint8Array, { stream: true });
          if (text.includes("One") && !text.includes(" two")) goOn.resolve();
        }
        return text;
      };

      const openai = await streamed("/v1/chat/completions", {
        ...{ model: "ana", messages: [{ role: "user", content: "count" }] },
        ...{ text: undefined, session: undefined },
      });

      expect(openai).toContain('"content":"One"');
      expect(openai).toContain("[DONE]");
    });

    it("keeps a session with the process that ran its last turn, and gives it to another when that one has gone", async () => {
      const gateway = await stage.start("gateway");
      const agents = [await stage.start("agent"), await stage.start("agent")];
      await connected(gateway, ...agents);
      const owners: (string | undefined)[] = [];
      for (const n of [1, 2, 3, 4, 5]) {
        const { turnId } = await say(gateway, `message ${n}`);
        owners.push((await turnOf(gateway, turnId))?.owner);
      }
      const holder = agents.find(({ id }) => id === owners[0]);

      await holder?.serving.stop({ graceMs: 0 });
      const { turnId } = await say(gateway, "and now");

      expect(new Set(owners).size).toBe(1);
      expect(holder).toBeDefined();
      const turn = await turnOf(gateway, turnId);
      expect(turn).toMatchObject({ state: "replied", attempt: 1 });
      expect(agents.map(({ id }) => id)).toContain(turn?.owner);
      expect(turn?.owner).not.toBe(holder?.id);
      const asked = stage.model.requests.at(-1)?.body;
      expect(JSON.stringify(asked)).toContain("message 5");
    });

    it("stops, steers and interrupts a turn that runs in another process", async () => {
      const gateway = await stage.start("gateway", { agent: { whileBusy: "steer" } });
      const agent = await stage.start("agent");
      await connected(gateway, agent);
      const holds = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let asked = 0;
      stage.model.setRule(({ messages }) => {
        const after = holds[asked++]?.promise;
        const said = messages.filter(({ role }) => role === "user").map(({ content }) => content);
        return { text: `heard ${said.join(", ")}`, ...(after === undefined ? {} : { after }) };
      });
      const first = await accept(gateway, "first");
      await running(gateway, first.turnId);
      await expect.poll(() => asked, WAIT).toBe(1);

      const joined = await accept(gateway, "second");
      holds[0]?.resolve();
      await expect.poll(async () => (await turnOf(gateway, first.turnId))?.state, WAIT).not.toBe("queued");
      holds[1]?.resolve();
      await expect.poll(async () => (await turnOf(gateway, first.turnId))?.state, WAIT).toBe("replied");
      stage.model.setRule(() => ({ hang: "headers" }));
      const last = await accept(gateway, "stop me", "other");
      await running(gateway, last.turnId);
      const cancelled = await gateway.serving.troupe.control.cancel(
        last.turnId,
        { reason: "enough" },
        options,
      );

      expect(joined.turnId).toBe(first.turnId);
      expect((await turnOf(gateway, first.turnId))?.inboundCount).toBe(2);
      expect(cancelled.kind).toBe("requested");
      await expect.poll(async () => (await turnOf(gateway, last.turnId))?.state, WAIT).toBe("cancelled");
    });

    it("works on while the bus is away, and catches up at once when it is back", async () => {
      const gateway = await stage.start("gateway");
      const agent = await stage.start("agent");
      await connected(gateway, agent);
      await nats?.stop();
      await expect.poll(() => gateway.serving.troupe.health.ready().notes?.length, WAIT).toBe(1);

      const away = await accept(gateway, "without a bus");
      await expect.poll(async () => (await turnOf(gateway, away.turnId))?.state, WAIT).toBe("replied");
      const late = await stage.start("agent");
      await nats?.start();
      await connected(gateway, agent, late);
      const back = await say(gateway, "with a bus again");

      expect(back.state).toBe("replied");
      expect((await turnOf(gateway, away.turnId))?.owner).toBe(agent.id);
    });

    it("shows a change of storylines in every process from the next turn on", async () => {
      stage.model.enqueue({ text: "Yes." }, { text: "Yes." });
      const gateway = await stage.start("gateway");
      const agent = await stage.start("agent");
      await connected(gateway, agent);
      const { turnId } = await say(gateway, "I like tea");
      const known = () => agent.serving.troupe.supervisor.stats().sessionViews;
      const before = known();

      const { troupe } = gateway.serving;
      const turn = await turnOf(gateway, turnId);
      const from = derivedId("storyline", turn?.sessionId ?? "");
      const split = storylineRoutes(troupe).find(({ path }) => path.endsWith("/split"));
      const principal = { spaceId: DEFAULT_SPACE_ID, kind: "operator", id: "admin" } as const;
      const request = { ...options, principal, params: { id: from }, query: new URLSearchParams() };
      await split?.handle({ ...request, json: async () => ({ turnId, name: "Tea" }) } as never);

      expect(before).toBe(1);
      await expect.poll(known, WAIT).toBe(0);
    });

    it("tells a changed agent to every process, those without files of their own too", async () => {
      const gateway = await stage.start("gateway");
      const agent = await stage.start("agent");
      await connected(gateway, agent);
      const file = join(gateway.home, "agents", "ana.yaml");
      const spec = JSON.parse(readFileSync(file, "utf8")) as object;
      writeFileSync(file, JSON.stringify({ ...spec, instructions: "Speak as a pirate does." }));

      await gateway.serving.troupe.reloader.reload();
      const revisions = () =>
        [gateway, agent].map(({ serving }) => serving.troupe.agents.get(DEFAULT_SPACE_ID, "ana")?.revision);
      await expect.poll(revisions, WAIT).toEqual([2, 2]);
      const { turnId } = await say(gateway, "hello");

      expect(JSON.stringify(stage.model.requests.at(-1)?.body)).toContain("Speak as a pirate does.");
      expect((await turnOf(gateway, turnId))?.agentRevision).toBe(2);
    });

    it("serves one session in turn by two versions, the database migrated under the older one", async () => {
      const old = await stage.start("all");
      await say(old, "first, to the old one");
      const added = {
        name: "9000-moods",
        expands: true,
        steps: () => ["ALTER TABLE turns ADD COLUMN mood text", "CREATE TABLE moods (id text)"],
      };
      const upgraded = await stage.start("all", { migrations: [...migrations, added] });
      await connected(upgraded);

      const second = await say(upgraded, "second, to the new one");
      const third = await say(old, "third, to the old one");
      await upgraded.serving.stop({ graceMs: 0 });
      const fourth = await say(old, "fourth, to the old one alone");

      expect([second, third, fourth].map(({ state }) => state)).toEqual(["replied", "replied", "replied"]);
      const last = JSON.stringify(stage.model.requests.at(-1)?.body);
      for (const word of ["first", "second", "third", "fourth"]) expect(last).toContain(`${word}, to the`);
      const restarted = await stage.start("all");
      await expect
        .poll(() => restarted.serving.troupe.health.ready().notes?.join(" ") ?? "", WAIT)
        .toContain("9000-moods");
    });
  },
);
