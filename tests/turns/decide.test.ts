import type { DecisionView, InstanceAction, Module, ModuleDecision, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createScriptedModel } from "@troupe/testing";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import { endOf, LEASE_MS, NEVER, openStage, promptOf, recordOf, type Stage } from "./stage.ts";
import { add, DRAFT, standing, tasksBy, told } from "./tasks.ts";

const options = { signal: NEVER };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const traceOf = async (turnId: string, what: string): Promise<readonly (string | undefined)[]> =>
  (await recordOf(stage, turnId)).turn.trace
    .filter((entry) => entry.what === what)
    .map(({ detail }) => detail);

test("what a module decides is kept with the answer, shown to the model and told by event and trace", async () => {
  const views: DecisionView[] = [];
  const tasks = tasksBy((view) => {
    views.push(view);
    const [first] = view.instances;
    if (first === undefined) return { actions: [add("a")], text: "Tasks:\n- Do a: open" };
    return {
      actions: [
        { kind: "remove", id: first.id, outcome: "done", reason: "It was said." },
        { kind: "add", key: "b", title: "Do b", v: 1, payload: {} },
      ],
      text: "Tasks:\n- Do a: done\n- Do b: open",
    };
  });
  const ana = await stage.process("p1", { modules: [tasks] });

  const first = await ana.say("plan a");
  const second = await ana.say("a is done");

  expect(views.map(({ instances }) => instances.map(({ title }) => title))).toEqual([[], ["Do a"]]);
  expect(views[1]?.storyline.title).toBe("plan a");
  expect(await standing(stage)).toEqual({ "Do a": "done", "Do b": "active" });
  expect(promptOf(stage, 0)).toContain("system: Tasks:\n- Do a: open");
  expect(promptOf(stage, 1)).toContain("system: Tasks:\n- Do a: done\n- Do b: open");
  const events = ana.events.flatMap((event) =>
    event.type === "step" && event.step === "equip" ? [event.detail] : [],
  );
  expect(events.map((detail) => detail?.replace(/^\d+ /, ""))).toEqual([
    "tools, modules tasks; tasks: 1 added",
    "tools, modules tasks; tasks: 1 added, 1 ended",
  ]);
  expect(await traceOf(first.turnId, "equip")).toEqual([events[0]]);
  expect(await traceOf(second.turnId, "equip")).toEqual([events[1]]);
});

test("no task is read and nothing waited for where no module of the agent decides, nor for a command", async () => {
  const reads: unknown[] = [];
  const tasks = tasksBy(({ turnId }) => void reads.push(turnId) as undefined);
  const without = await stage.process("p1", { modules: [tasks], spec: { without: ["tasks"] } });
  const { turnId } = await without.say("hello");
  const having = await stage.process("p2", { modules: [tasks] });
  await having.say("/help", { sessionKey: "s2" });

  expect(reads).toEqual([]);
  expect((await traceOf(turnId, "equip"))[0]).toMatch(/modules none$/);
});

test("a module that throws, is late or says nonsense changes nothing, and the turn says why", async () => {
  const never = new Promise<never>(() => undefined);
  const bad = { actions: [{ kind: "explode" }] } as unknown as ModuleDecision;
  const modules: readonly Module[] = [
    { id: "throws", budgetTokens: 9, decide: () => Promise.reject(new Error("broken")) },
    { id: "late", budgetTokens: 9, decide: () => never },
    { id: "wrong", budgetTokens: 9, decide: () => bad },
    tasksBy(() => ({ actions: [add("a")] })),
  ];
  const ana = await stage.process("p1", { modules });

  const { turnId } = await ana.say("hello");
  await stage.clock.advance(250);

  expect(endOf(ana.events, turnId)).toMatchObject({ state: "replied" });
  expect(await standing(stage)).toEqual({ "Do a": "active" });
  expect((await traceOf(turnId, "equip"))[0]).toMatch(
    /; throws: undecided; late: undecided; wrong: undecided; tasks: 1 added$/,
  );
  expect((await traceOf(turnId, "module")).toSorted()).toEqual([
    "late decided nothing: It took longer than 250 ms.",
    "throws decided nothing: broken",
    "wrong decided nothing: Action 1 is of no kind that is known: add, update or remove.",
  ]);
});

const wrongs: readonly (readonly [string, readonly unknown[], string])[] = [
  ["key twice", [add("a"), add("a")], 'The key "a" names two tasks of one decision.'],
  ["no title", [add("a", { title: "" })], 'Action 1, "a", has no title of one line, 1 to 200 characters.'],
  ["version", [add("a", { v: 0 })], 'Action 1, "a", has no version of its payload (v, from 1).'],
  [
    "long payload",
    [add("a", { payload: { text: "x".repeat(20_000) } })],
    'Action 1, "a", cannot be kept: its payload is longer than 16 KiB as JSON.',
  ],
  [
    "unknown dependency",
    [add("a", { dependsOn: [{ on: "b" }] })],
    '"a" depends on "b", which is neither a key of the decision nor an open task.',
  ],
  [
    "circle",
    [
      add("c", { dependsOn: [{ on: "b" }] }),
      add("a", { dependsOn: [{ on: "b" }] }),
      add("b", { dependsOn: [{ on: "a" }] }),
    ],
    "The tasks b → a → b wait for one another in a circle.",
  ],
  [
    "foreign id",
    [{ kind: "remove", id: "nobody", outcome: "done", reason: "so" }],
    'Action 1 is about "nobody", which is no open task of the module here.',
  ],
  [
    "callback without a handler",
    [add("a", { callbacks: { whenEnded: { ...DRAFT, v: 2 } } })],
    'whenEnded of Action 1, "a", cannot be kept: it asks for the effect tasks.told in version 2, and its handler reads 1.',
  ],
  ["too many", Array.from({ length: 33 }, (_, n) => add(`t${n}`)), "There are 33 actions; 32 are the most."],
];

test.each(wrongs)("a decision that cannot be kept is refused whole: %s", async (_name, actions, sentence) => {
  const decision = { actions: actions as readonly InstanceAction[] };
  const ana = await stage.process("p1", { modules: [tasksBy(() => decision, { effects: [told] })] });

  const { turnId } = await ana.say("hello");

  expect(await standing(stage)).toEqual({});
  expect(await traceOf(turnId, "module")).toEqual([`tasks decided nothing: ${sentence}`]);
});

test("nothing that was decided is kept of a turn that fails", async () => {
  const ana = await stage.process("p1", { modules: [tasksBy(() => ({ actions: [add("a")] }))] });
  const error = new TroupeError("It is broken.", { code: "model.rejected" });
  stage.model.enqueue({ error });

  const { turnId } = await ana.say("hello");

  expect(endOf(ana.events, turnId)?.state).toBe("failed");
  expect(await standing(stage)).toEqual({});
});

test("an attempt after a crash decides again, and adds nothing twice", async () => {
  let asked = 0;
  const modules = [
    tasksBy(
      () => {
        asked += 1;
        return { actions: [add("a", { callbacks: { whenActive: DRAFT } })] };
      },
      { effects: [told] },
    ),
  ];
  const atFinish = (writes: readonly Write<unknown>[]): Promise<void> =>
    writes.length > 4 ? new Promise(() => undefined) : Promise.resolve();
  const one = await stage.process("one", { modules, beforeCommit: atFinish });
  const { turnId } = await one.say("hello");
  const two = await stage.process("two", { modules });
  two.supervisor.start();
  await stage.clock.advance(LEASE_MS + 6_000);

  expect(asked).toBe(2);
  expect(await standing(stage)).toEqual({ "Do a": "active" });
  const effects = await stage.stores.effects.ofTurn(turnId, options);
  expect(effects.filter(({ kind }) => kind === "tasks.told")).toHaveLength(1);
});

test("a decision that names no question is one, however it is written", async () => {
  const decision = { actions: [add("a")], question: undefined };
  const ana = await stage.process("p1", { modules: [tasksBy(() => decision)] });

  const { turnId } = await ana.say("hello");

  expect(endOf(ana.events, turnId)?.state).toBe("replied");
  expect(await standing(stage)).toEqual({ "Do a": "active" });
});

test("a turn that is stopped while a module decides ends at once", async () => {
  const ana = await stage.process("p1", { modules: [tasksBy(() => new Promise(() => undefined))] });
  const { turnId } = await ana.say("hello");

  await ana.supervisor.control.cancel(turnId, { reason: "enough" }, options);
  await stage.clock.settle();

  expect(endOf(ana.events, turnId)?.state).toBe("cancelled");
  expect(stage.model.requests).toHaveLength(0);
});

it("gives what a decision says before what was gathered, and both within one budget", async () => {
  const line = "x".repeat(380);
  const tasks = tasksBy(() => ({ actions: [], text: `Decided:\n${line}` }), {
    budgetTokens: 120,
    gather: async () => ({ text: `Gathered:\nshort\n${line}` }),
  });
  const ana = await stage.process("p1", { modules: [tasks] });

  await ana.say("hello");

  expect(promptOf(stage, 0)).toContain(`system: Decided:\n${line}\n\nGathered:\nshort`);
});

test("an unsure module's own way out is taken, unless a model is asked and answers", async () => {
  const unsure = tasksBy(() => ({
    question: "Is it finished?",
    choices: { "it is": { actions: [add("yes")] }, "it is not": { actions: [add("no")] } },
    otherwise: { actions: [add("otherwise")] },
  }));
  const small = createScriptedModel({ clock: stage.clock });
  const alone = await stage.process("p1", { modules: [unsure], small });
  const first = await alone.say("hm", { sessionKey: "s1" });
  expect(await standing(stage)).toEqual({ "Do otherwise": "active" });
  expect(small.requests).toHaveLength(0);
  expect((await traceOf(first.turnId, "equip"))[0]).toMatch(/; tasks: unsure, 1 added$/);

  const asking = await stage.process("p2", { modules: [unsure], small, asksModel: () => true });
  small.enqueue({ text: "Tasks: It is." }, { text: "I do not know." });
  const second = await asking.say("hm", { sessionKey: "s2" });
  await asking.say("hm", { sessionKey: "s3" });

  expect(await standing(stage)).toEqual({ "Do otherwise": "active", "Do yes": "active" });
  expect((await traceOf(second.turnId, "equip"))[0]).toMatch(/; tasks: chose "it is", 1 added$/);
  expect(small.requests[0]?.messages.at(-1)?.text).toBe(
    "Newest message:\nhm\n\nModule tasks: Is it finished?\n- it is\n- it is not",
  );
  const calls = await stage.stores.ledger.callsOfTurn(second.turnId, options);
  expect(calls.map(({ purpose, model }) => [purpose, model])).toEqual([
    ["decision", "scripted/small"],
    ["turn", "scripted/model"],
  ]);
});

test("what a question of unsure modules costs is reserved, counted in its turn, and freed with it", async () => {
  const unsure = tasksBy(() => ({
    question: "Which?",
    choices: { a: { actions: [] }, b: { actions: [] } },
    otherwise: { actions: [] },
  }));
  const price = { inputUsdPerMillion: 1_000, cachedInputUsdPerMillion: 1_000, outputUsdPerMillion: 1_000 };
  const ana = await stage.process("p1", {
    ...{ modules: [unsure], asksModel: () => true, price },
    reservation: { microUsd: 0, limitMicroUsd: 100_000_000 },
  });
  stage.model.enqueue({ text: "tasks: a" }, { text: "Well." });

  const { turnId } = await ana.say("hm");
  await stage.clock.advance(100);

  const calls = await stage.stores.ledger.callsOfTurn(turnId, options);
  expect(calls.map(({ purpose }) => purpose)).toEqual(["decision", "turn"]);
  const cost = calls.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  expect(cost).toBeGreaterThan(0);
  const { turn } = await recordOf(stage, turnId);
  expect(turn.costMicroUsd).toBe(cost);
  const [account] = await stage.stores.ledger.accounts(
    [{ spaceId: "default", scope: "space", subject: "", period: calls[0]?.day ?? "" }],
    options,
  );
  expect(account).toMatchObject({ spentMicroUsd: cost, reservedMicroUsd: 0 });
});

test("where no budget is left for the question nobody is asked, and the trace says so", async () => {
  const unsure = tasksBy(() => ({
    question: "Which?",
    choices: { a: { actions: [add("a")] }, b: { actions: [] } },
    otherwise: { actions: [add("otherwise")] },
  }));
  const price = { inputUsdPerMillion: 1_000, cachedInputUsdPerMillion: 1_000, outputUsdPerMillion: 1_000 };
  const ana = await stage.process("p1", {
    ...{ modules: [unsure], asksModel: () => true, price },
    reservation: { microUsd: 0, limitMicroUsd: 10 },
  });

  const { turnId } = await ana.say("hm");

  expect(stage.model.requests).toHaveLength(0);
  expect((await traceOf(turnId, "model"))[0]).toMatch(/^unsure modules not decided: /);
});
