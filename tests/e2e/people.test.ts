// A group and a private chat over a channel: who wrote what, what is learned of people, and who is shown it.
import type { Channel, ReceivingChannel } from "@troupe/contracts";
import { createFakePlatform, type FakePlatform } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NEVER } from "../turns/stage.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const options = { signal: NEVER };
const GROUP = ["ann", "petro"];
const NAMES: Readonly<Record<string, string>> = { ann: "Ann", petro: "Petro K.", max: "Max" };

let platform: FakePlatform;
let accept: Parameters<ReceivingChannel["receive"]>[0] | undefined;
let served: ServedHome;

beforeEach(async () => {
  platform = createFakePlatform({ clock: { now: Date.now } as never });
  const receive: ReceivingChannel["receive"] = async (taken, { signal }) => {
    accept = taken;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  };
  const channel: Channel = Object.assign(platform.keyed("north"), { receive });
  served = await serveHome("", {}, { channels: [channel], channelAgents: { north: "ana" } });
});
afterEach(() => served[Symbol.asyncDispose]());

let said = 0;

/** What the model was shown for it. */
async function say(
  who: string,
  text: string,
  { audience = [who], key = who }: { readonly audience?: readonly string[]; readonly key?: string } = {},
): Promise<string> {
  const asked = served.model.requests.length;
  const arrived = platform.arrived.length;
  const isGroup = audience.length > 1;
  const result = await accept?.({
    ...{ sessionKey: key, peerId: isGroup ? key : who, audience, parts: [{ type: "text", text }] },
    author: { peerId: who, name: NAMES[who] ?? who },
    ...{ trigger: "channel", lane: "realtime", debounceMs: 0 },
    ...{ platformId: `update ${said++}`, receivedAt: Date.now() },
  });
  expect(result?.kind).toBe("accepted");
  await vi.waitFor(() => expect(platform.arrived).toHaveLength(arrived + 1), { timeout: 20_000 });
  await caughtUp();
  const shown = served.model.requests
    .slice(asked)
    .find(({ text: body }) => body.includes(JSON.stringify(text).slice(1, -1)));
  return shown?.text ?? "";
}

async function caughtUp(): Promise<void> {
  const { effects, search } = served.serving.troupe.stores;
  await vi.waitFor(
    async () => {
      const lanes = await effects.lanes("default", options);
      expect(lanes.filter(({ running, due }) => running + due > 0)).toEqual([]);
    },
    { timeout: 20_000 },
  );
  await search.indexNew(100, options);
}

const call = async <Answer>(path: string): Promise<Answer> => {
  const answer = await fetch(`${served.serving.addresses?.admin}${path}`, {
    headers: { authorization: `Bearer ${served.key}` },
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Answer;
};

test("a group is shown who wrote what and what was told there of people, and nobody else is", async () => {
  const first = await say("petro", "I came with my sister Olha.", { audience: GROUP, key: "club" });
  await say("ann", "Iryna knows about taxes.", { audience: GROUP, key: "club" });
  await say("max", "My sister Daryna sends her love.");

  const inGroup = await say("ann", "Hello again", { audience: GROUP, key: "club" });
  const elsewhere = await say("petro", "Hello", { audience: GROUP, key: "other club" });
  const private_ = await say("max", "Who is my sister?", { key: "second" });

  expect(first).toContain("[Petro K.] I came with my sister Olha.");
  expect(inGroup).toContain("[Ann] Hello again");
  // Its prefix stays: what was learned meanwhile is shown where a conversation begins.
  expect(inGroup).toContain("In this conversation: Petro K. (north/petro), and 1 more who read it.");
  expect(inGroup).not.toContain("Petro K.'s sister");
  expect(elsewhere).toContain("In this conversation: Petro K. (north/petro), and 1 more who read it.");
  expect(elsewhere).toContain("Olha: Petro K.'s sister.");
  expect(elsewhere).toContain("Iryna: knows about taxes.");
  expect(elsewhere).not.toContain("Daryna");
  expect(private_).toContain("Max is north/max");
  expect(private_).toContain("Daryna: their sister.");
  expect(private_).not.toMatch(/Olha|Iryna/);
});

test("the tools tell what is known and was said, with where it is from, as far as all who read may know it", async () => {
  await say("petro", "Iryna knows about wooden boats.", { audience: GROUP, key: "club" });
  await say("petro", "Petro the elder knows about wooden boats too, but that is between us.");
  const ask = async (who: string, tool: string, input: object, audience: readonly string[] = [who]) => {
    served.model.setRule(({ messages }) => {
      const last = messages.at(-1);
      return last?.role === "tool"
        ? { text: `I was told: ${last.content}` }
        : { toolCalls: [{ callId: "call-1", name: tool, arguments: JSON.stringify(input) }] };
    });
    await say(who, `Ask ${tool}`, { audience, key: `ask ${tool} ${audience.join(" ")}` });
    return platform.arrived.at(-1)?.text ?? "";
  };

  const inGroup = await ask("ann", "what_do_i_know", { about: "boats" }, GROUP);
  const alone = await ask("ann", "what_do_i_know", { about: "boats" });
  const log = await ask("petro", "session_log", {});
  const self = await ask("ann", "who_am_i", {}, GROUP);

  expect(inGroup).toContain("Can be asked about it: Iryna.");
  expect(inGroup).toMatch(/Remembered:\n#\w{6} .*Iryna knows about wooden boats\.\n {2}from .*Iryna knows/);
  expect(inGroup).not.toContain("elder");
  // She reads the group too, so she may be told what was said there.
  expect(alone).toContain("Iryna");
  expect(alone).not.toContain("elder");
  expect(log).toContain("between us");
  expect(self).toMatch(
    /I am Ana \(ana\)\.\nThe helper Ana\.\nWe talk on north\. It is read by: north\/ann, north\/petro\./,
  );
  expect(self).toContain("what_do_i_know");
});

test("the operator sees everybody who talks, what is known of one, and who can be asked", async () => {
  await say("petro", "Iryna knows about wooden boats.", { audience: GROUP, key: "club" });
  await say("max", "My name is Maxim. My sister Daryna is here.");

  const { items } = await call<{ readonly items: readonly { readonly names: readonly string[] }[] }>(
    "/admin/persons",
  );
  expect(items.map(({ names }) => names[0])).toEqual(["north/club", "north/max", "north/petro"]);
  expect(await call(`/admin/persons/${encodeURIComponent("north/max")}`)).toMatchObject({
    ...{
      shownNames: ["Max"],
      aliases: ["Maxim"],
      familiarity: "new",
      agents: [{ agentId: "ana", sessions: 1 }],
    },
    people: [{ person: "Daryna", relations: ["sister"] }],
  });
  expect(await call(`/admin/persons/${encodeURIComponent("north/petro")}`)).toMatchObject({
    ...{ agents: [], spoken: [{ messages: 1 }], people: [{ person: "Iryna", knows: ["wooden boats"] }] },
  });
  expect(await call("/admin/persons?knows=boats")).toMatchObject({
    items: [{ person: "Iryna", audience: ["north/ann", "north/petro"] }],
  });
});
