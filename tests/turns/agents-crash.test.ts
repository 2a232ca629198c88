import { env } from "node:process";
import type { AgentSpec, ModelRequest } from "@troupe/contracts";
import type { ScriptedReply } from "@troupe/testing";
import { expect, test } from "vitest";
import { createRandom } from "../../testing/src/simulator/index.ts";
import { LEASE_MS, messagesOf, NEVER, openStage, type Stage, type StagedProcess } from "./stage.ts";

/**
 * Processes that die at any commit while agents ask one another: whoever comes after them asks each once, answers each once
 * and tells the asker once. Seeded: a schedule is the numbers of the commits before which its processes die.
 * `TROUPE_SEEDS=200` plays more of them.
 */

const options = { signal: NEVER };
const SPACE = "default";
/** Schedules of each scenario in which two processes die before one lives on. */
const SEEDS = Number(env.TROUPE_SEEDS ?? 5);
const DEATHS = 2;
/** Beside them, of one that dies: before each of these commits, among which most of the answers come. */
const ONE_DEATH = env.TROUPE_SEEDS === undefined ? range(10, 16) : range(1, 40);
/** Commits of a run without a death, about. */
const COMMITS = 36;
const STEP_MS = 50;
const MOST_STEPS = 6_000;
const IDLE_STEPS = 40;
const GUARD = 4;

type Script = Record<string, (said: string) => ScriptedReply>;

interface Scenario {
  readonly name: string;
  readonly script: Script;
  /** Texts that the person's conversation holds once all is over, of people and agents in turn. */
  readonly end: readonly (string | RegExp)[];
  /** `from to`, each asked and answered once. */
  readonly asked: readonly string[];
}

const isResult = (said: string): boolean => said.startsWith("result: ");

let calls = 0;
function call(name: string, input: object): ScriptedReply {
  calls += 1;
  const one = { callId: `call-${calls}`, name, arguments: JSON.stringify(input) };
  return { calls: [one], reason: "tool-calls" };
}

const questions = ["kate", "bob"].map((agent) => ({ agent, question: "Why?" }));

const SCENARIOS: readonly Scenario[] = [
  {
    name: "asks two and waits",
    script: {
      Ana: (said) => (isResult(said) ? { text: said } : call("ask_agents", { questions, wait: true })),
      Kate: () => ({ text: "Because." }),
      Bob: () => ({ text: "So." }),
    },
    end: ["begin", /Kate:\nBecause\.\n\nAnswer from Bob:\nSo\.$/],
    asked: ["ana bob", "ana kate"],
  },
  {
    name: "asks one and is told later",
    script: {
      Ana: (said) => {
        if (said.startsWith("Answer from")) return { text: `Told: ${said}` };
        return isResult(said) ? { text: "Asked." } : call("ask_agent", { agent: "kate", question: "Why?" });
      },
      Kate: () => ({ text: "Because." }),
    },
    end: ["begin", /Asked\.$/, /^Answer from Kate/, /^Told: Answer from Kate/],
    asked: ["ana kate"],
  },
  {
    name: "asks one who asks another",
    script: {
      Ana: (said) =>
        isResult(said) ? { text: said } : call("ask_agent", { agent: "kate", question: "Why?", wait: true }),
      Kate: (said) =>
        isResult(said) ? { text: said } : call("ask_agent", { agent: "bob", question: "Why so?" }),
      Bob: () => ({ text: "So." }),
    },
    end: ["begin", /Answer from Kate:[\s\S]*Answer from Bob:\nSo\.$/],
    asked: ["ana kate", "kate bob"],
  },
  {
    name: "asks one whose turn ends badly",
    script: {
      Ana: (said) => {
        if (said.startsWith("No answer from")) return { text: "Told." };
        return isResult(said) ? { text: "Asked." } : call("ask_agent", { agent: "kate", question: "Why?" });
      },
      Kate: () => ({ text: "" }),
    },
    end: ["begin", /Asked\.$/, /^No answer from Kate/, /^Told\.$/],
    asked: [],
  },
];

const other = (id: string): AgentSpec => ({
  ...{ id, name: id[0]?.toUpperCase() + id.slice(1), model: "default", instructions: "You help." },
  ...{ delegates: ["*"], acceptsFrom: ["*"] },
});

function replyFrom(script: Script) {
  return (request: ModelRequest): ScriptedReply => {
    const head = request.messages.find(({ role }) => role === "system")?.text ?? "";
    const name = /Your name is (\w+)\./.exec(head)?.[1] ?? "";
    const last = request.messages.at(-1);
    return (
      script[name]?.(last?.role === "tool" ? `result: ${last.text}` : (last?.text ?? "")) ?? { text: "" }
    );
  };
}

/** A process that does nothing more from its `nth` commit on, as one that was killed before it. */
async function processOf(
  stage: Stage,
  id: string,
  nth: number,
  guard: number,
): Promise<{ readonly process: StagedProcess; readonly isDead: () => boolean; readonly end: () => void }> {
  let commits = 0;
  const life = new AbortController();
  const process = await stage.process(id, {
    spec: { delegates: ["*"], acceptsFrom: ["*"] },
    others: [other("kate"), other("bob")],
    limits: { loopGuard: { max: guard, windowMinutes: 30 }, maxDepth: 100, maxHops: 100 },
    life: life.signal,
    // Its own lease is the one commit before the first that counts.
    beforeCommit: () => (++commits <= nth ? Promise.resolve() : new Promise<void>(() => undefined)),
  });
  process.supervisor.start();
  return { process, isDead: () => commits > nth, end: () => life.abort(new Error("killed")) };
}

async function isOver(stage: Stage): Promise<boolean> {
  const { turns, agentDeliveries, effects } = stage.stores;
  const open = { spaceId: SPACE, states: ["queued", "running"] } as const;
  const [busy, waiting, due] = await Promise.all([
    turns.list(open, options),
    agentDeliveries.list({ spaceId: SPACE, states: ["waiting", "activated"] }, options),
    effects.list({ spaceId: SPACE, states: ["pending", "running"] }, options),
  ]);
  // Looks at answers that were taken long ago may still be ahead.
  const begun = due.items.filter(({ state, dueAt }) => state === "running" || dueAt <= stage.clock.now());
  return busy.items.length + waiting.items.length + begun.length === 0;
}

/** Lets processes die and others take over, until all that was begun has ended. */
async function play(stage: Stage, deaths: readonly number[], guard: number): Promise<void> {
  let isSaid = false;
  for (let n = 0; n <= deaths.length; n++) {
    const id = `p${n}`;
    const { process, isDead, end } = await processOf(stage, id, deaths[n] ?? Number.POSITIVE_INFINITY, guard);
    const saying = process.send("begin", { platformId: "begin-1" }).then(() => {
      isSaid = true;
    });
    saying.catch(() => undefined);
    let idle = 0;
    for (let step = 0; step < MOST_STEPS && idle < IDLE_STEPS; step++) {
      await stage.clock.advance(STEP_MS);
      idle = isDead() || (isSaid && (await isOver(stage))) ? idle + 1 : 0;
      if (isDead()) break;
      const renewing = step % 200 === 199 ? [stage.stores.leases.renew(id, LEASE_MS)] : [];
      if (renewing.length > 0) await stage.stores.unit.commit(renewing, options);
    }
    end();
    if (!isDead()) return;
    await stage.clock.advance(LEASE_MS + 1_000);
  }
}

async function settledRun(scenario: Pick<Scenario, "script">, deaths: readonly number[], guard = 1_000) {
  const stage = await openStage({ rule: replyFrom(scenario.script) });
  try {
    await play(stage, deaths, guard);
    const { turns, agentChannels, agentDeliveries } = stage.stores;
    const all = (await turns.list({ spaceId: SPACE, limit: 500 }, options)).items;
    const root = all.find(({ payload }) => payload.cause === undefined);
    const channels = (await agentChannels.list({ spaceId: SPACE }, options)).items;
    const said = await Promise.all(
      channels.map(async ({ id }) => (await agentChannels.messages({ channelId: id }, options)).items),
    );
    const deliveries = (await agentDeliveries.list({ spaceId: SPACE, limit: 500 }, options)).items;
    const gatherIds = new Set(deliveries.flatMap(({ gatherId }) => gatherId ?? []));
    const gathers = await Promise.all([...gatherIds].map((id) => agentDeliveries.findGather(id, options)));
    const messages = root === undefined ? [] : await messagesOf(stage, root.sessionId);
    return { turns: all, messages: said.flat(), deliveries, gathers, session: messages };
  } finally {
    await stage.close();
  }
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

function schedules(): readonly (readonly number[])[] {
  const seeded = range(1, SEEDS).map((seed) => {
    const random = createRandom(seed);
    return range(1, DEATHS).map(() => random.int(1, COMMITS));
  });
  return [...ONE_DEATH.map((nth) => [nth]), ...seeded];
}

for (const scenario of SCENARIOS) {
  test(`an agent ${scenario.name}, however processes die: each is asked, answered and told once`, async () => {
    for (const deaths of schedules()) {
      const what = `deaths at ${deaths.join(", ")}`;
      const run = await settledRun(scenario, deaths);

      const texts = run.session.map(({ parts }) =>
        parts.map((part) => (part.type === "text" ? part.text : "")).join(""),
      );
      expect(texts, what).toEqual(
        scenario.end.map((one) => (typeof one === "string" ? one : expect.stringMatching(one))),
      );
      const answered = run.messages.filter(({ kind }) => kind === "answer");
      expect(answered.map(({ correlationId }) => correlationId).toSorted(), what).toEqual(
        [...new Set(answered.map(({ correlationId }) => correlationId))].toSorted(),
      );
      if (scenario.asked.length > 0) {
        const done = run.deliveries.filter(({ state }) => state === "done");
        expect(done.map(({ from, to }) => `${from} ${to}`).toSorted(), what).toEqual(scenario.asked);
        expect(answered, what).toHaveLength(scenario.asked.length);
      }
      // One turn a question, the person's own, and one that tells where the answer came later.
      const told = scenario.end.length > 2 ? 1 : 0;
      expect(run.turns, what).toHaveLength(1 + run.deliveries.length + told);
      expect(
        run.gathers.map((gather) => gather?.state),
        what,
      ).toEqual(run.gathers.map(() => "told"));
    }
  }, 240_000);
}

test("two agents that greet each other for ever stop within the guard, however processes die", async () => {
  const greet = (agent: string) => (said: string) =>
    isResult(said) ? { text: "Greeted." } : call("send_to_agent", { agent, text: "Hello!" });
  const script = { Ana: greet("kate"), Kate: greet("ana") };
  for (const deaths of schedules()) {
    const run = await settledRun({ script }, deaths, GUARD);
    const what = `deaths at ${deaths.join(", ")}`;

    const states = run.deliveries.map(({ state }) => state);
    expect(states, what).toEqual(["suppressed", ...Array.from({ length: GUARD }, () => "done")]);
    expect(run.turns, what).toHaveLength(GUARD + 1);
  }
}, 240_000);
