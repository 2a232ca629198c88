import type { Agent, Tool, ToolCallPart, ToolContext, ToolOutput } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock, toolContext } from "@troupe/testing";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createToolbox } from "./toolbox.ts";

const signal = new AbortController().signal;

function toolOf(name: string, changes: Partial<Tool["spec"]> & { readonly run?: Tool["run"] } = {}): Tool {
  const { run = async () => ({ text: `${name} ran` }), ...spec } = changes;
  return {
    spec: {
      name,
      description: `Runs ${name} for a test.`,
      kind: "pure",
      inputSchema: { type: "object" },
      ...spec,
    },
    run,
  };
}

function agentOf(tools?: readonly string[]): Agent {
  const spec = { id: "ana", name: "Ana", model: "default", instructions: "Help." };
  return { spaceId: "default", revision: 1, spec: tools === undefined ? spec : { ...spec, tools } };
}

const callOf = (name: string, input: unknown = {}): ToolCallPart => ({
  type: "tool-call",
  callId: "call-1",
  name,
  arguments: typeof input === "string" ? input : JSON.stringify(input),
});

async function setUp(tools: readonly Tool[], others: readonly Tool[] = []) {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const lists = new Map<string, () => Promise<readonly Tool[]>>([
    ["builtin", async () => tools],
    ["other", async () => others],
  ]);
  const sources = [...lists.keys()].map((id) => ({
    id,
    list: () => (lists.get(id) as () => Promise<readonly Tool[]>)(),
  }));
  const toolbox = createToolbox({ sources, clock, logger, metrics });
  await toolbox.load({ signal });
  const run = (
    call: ToolCallPart,
    agent = agentOf(),
    { isDirect = false, ...context }: Partial<ToolContext> & { readonly isDirect?: boolean } = {},
  ): Promise<ToolOutput> =>
    toolbox.run(toolbox.select(agent, "chat"), call, toolContext(context), { signal, isDirect });
  return { clock, logger, metrics, toolbox, run, lists };
}

describe("choosing", () => {
  it("offers the built-in tools to an agent that names none, and the named ones to one that does", async () => {
    const { toolbox } = await setUp([toolOf("time"), toolOf("dice")], [toolOf("mail")]);

    const names = (tools?: readonly string[]) =>
      toolbox.select(agentOf(tools), "chat").specs.map((spec) => spec.name);

    expect(names()).toEqual(["time", "dice"]);
    expect(names(["mail", "time", "mail", "nothing"])).toEqual(["mail", "time"]);
    expect(names([])).toEqual([]);
  });

  it("gives the same set for the same choice, so that its serialised form can be cached, until a reload", async () => {
    const { toolbox } = await setUp([toolOf("time")]);

    const first = toolbox.select(agentOf(["time"]), "chat");
    const second = toolbox.select(agentOf(["time"]), "job");
    await toolbox.load({ signal });
    const third = toolbox.select(agentOf(["time"]), "chat");

    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it("lets a turn that runs on a replaced set go on with it", async () => {
    const { toolbox, lists } = await setUp([toolOf("time")]);
    const old = toolbox.select(agentOf(), "chat");
    lists.set("builtin", async () => []);
    await toolbox.load({ signal });

    const output = await toolbox.run(old, callOf("time"), toolContext(), { signal });

    expect(output).toEqual({ text: "time ran" });
    expect(toolbox.select(agentOf(), "chat").specs).toEqual([]);
  });

  it("tells which names of a blueprint are unknown, and what was probably meant", async () => {
    const { toolbox } = await setUp([toolOf("remember"), toolOf("time")]);

    const unknown = toolbox.validate({
      ...agentOf().spec,
      tools: ["rememver", "time", "fly"],
      approvals: { tme: "deny", time: "ask" },
    });

    expect(unknown).toEqual([
      { setting: "tools", name: "rememver", nearest: "remember" },
      { setting: "tools", name: "fly", nearest: undefined },
      { setting: "approvals", name: "tme", nearest: "time" },
    ]);
  });

  it("keeps the first of two tools with one name, refuses names that providers refuse, and says so", async () => {
    const first = toolOf("time", { run: async () => ({ text: "the first" }) });
    const { run, logger } = await setUp([first, toolOf("Bad Name")], [toolOf("time")]);

    expect((await run(callOf("time"))).text).toBe("the first");
    expect(logger.troubles().toSorted()).toEqual(["tools.name_refused", "tools.name_taken"]);
  });

  it("loads what it can when a source throws at once or does not answer, and waits no longer than a while", async () => {
    const { clock, toolbox, lists, logger } = await setUp([toolOf("time")], [toolOf("mail")]);
    lists.set("builtin", () => {
      throw new Error("The source is broken.");
    });
    lists.set("other", () => new Promise(() => undefined));

    const loading = toolbox.load({ signal });
    await clock.advance(30_000);
    await loading;

    const names = toolbox.select(agentOf(["time", "mail"]), "chat").specs.map((spec) => spec.name);
    expect(names).toEqual(["time", "mail"]);
    expect(logger.troubles()).toEqual(["tools.source_failed", "tools.source_failed"]);
  });

  it("keeps the tools of a source that fails on reload", async () => {
    const { toolbox, lists, logger } = await setUp([toolOf("time")]);
    lists.set("builtin", () => Promise.reject(new Error("gone")));

    await toolbox.load({ signal });

    expect(toolbox.select(agentOf(), "chat").specs.map((spec) => spec.name)).toEqual(["time"]);
    expect(logger.troubles()).toEqual(["tools.source_failed"]);
  });
});

describe("checking input", () => {
  const strict = toolOf("book", {
    inputSchema: {
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      properties: {
        title: { type: "string", minLength: 1 },
        copies: { type: "integer", minimum: 1 },
        kind: { enum: ["paper", "sound"] },
        tags: { type: "array", items: { type: "string" } },
      },
      required: ["title"],
      additionalProperties: false,
    },
  });

  it.each([
    [{}, "title is missing"],
    [{ title: "" }, "title must not be empty"],
    [{ title: 7 }, "title: expected string, got 7"],
    [{ title: "A", copies: "two" }, 'copies: expected integer, got "two"'],
    [{ title: "A", copies: 0 }, "copies: expected >= 1, got 0"],
    [{ title: "A", kind: "stone" }, 'kind: expected "paper" | "sound", got "stone"'],
    [{ title: "A", tags: ["x", 1] }, "tags.1: expected string, got 1"],
    [{ title: "A", colour: "red" }, "colour is not known"],
    [{ copies: 0, colour: "red" }, "title is missing; colour is not known; copies: expected >= 1, got 0"],
    [[], "input: expected object, got []"],
    ["null", "input: expected object, got null"],
  ])("answers %o with where, what was expected and what came", async (input, problems) => {
    const { run } = await setUp([strict]);

    const output = await run(callOf("book", input));

    expect(output).toEqual({ text: `The input of book does not fit: ${problems}.`, isError: true });
  });

  it("says it in the language of the message", async () => {
    const { run } = await setUp([strict]);

    const { text } = await run(callOf("book", {}), agentOf(), { language: "uk" });

    expect(text).toBe("Вхідні дані для book не підходять: бракує title.");
  });

  it("takes no arguments at all for an empty object, and no other text that is not JSON", async () => {
    const given: unknown[] = [];
    const { run, metrics } = await setUp([
      toolOf("open", {
        run: async (input) => {
          given.push(input);
          return { text: "ok" };
        },
      }),
    ]);

    await run(callOf("open", ""));
    const broken = await run(callOf("open", '{"a": 1'));

    expect(given).toEqual([{}]);
    expect(broken.isError).toBe(true);
    expect(broken.text).toMatch(/^The input of open is not valid JSON: /);
    expect(metrics.render()).toContain('tool_calls_total{tool="open",outcome="invalid"} 1');
  });

  it("refuses input of absurd size without reading it", async () => {
    const { run } = await setUp([toolOf("open")]);

    const output = await run(callOf("open", JSON.stringify({ text: "x".repeat(300_000) })));

    expect(output.text).toContain("too large");
  });

  it("fails the call, not the process, on a schema that is wrong itself", async () => {
    const { run, logger } = await setUp([toolOf("odd", { inputSchema: { type: "no such type" } })]);

    const output = await run(callOf("odd"));

    expect(output.isError).toBe(true);
    expect(logger.troubles()).toEqual(["tool.schema_invalid"]);
  });
});

describe("running", () => {
  it("answers for an unknown tool, names the near one, and keeps inventions out of the metrics", async () => {
    const { run, metrics } = await setUp([toolOf("remember")]);

    const output = await run(callOf("remembr"));

    expect(output).toEqual({
      text: "There is no tool named remembr here. Did you mean remember?",
      isError: true,
    });
    expect(metrics.render()).toContain('tool_calls_total{tool="unknown",outcome="unknown"} 1');
    expect(metrics.render()).not.toContain('remembr"');
  });

  it("does not run a tool that the agent may not use", async () => {
    let ran = false;
    const secret = toolOf("secret", {
      run: async () => {
        ran = true;
        return { text: "ran" };
      },
    });
    const { run } = await setUp([toolOf("time"), secret]);

    const output = await run(callOf("secret"), agentOf(["time"]));

    expect([output.isError, ran]).toEqual([true, false]);
  });

  it("turns a throw into a failed answer without its details, and logs it once", async () => {
    const broken = toolOf("broken", {
      run: () => {
        throw new Error("password hunter2 in table users");
      },
    });
    const { run, logger, metrics } = await setUp([broken]);

    const output = await run(callOf("broken"));

    expect(output).toEqual({ text: "broken failed: something went wrong inside it.", isError: true });
    expect(logger.troubles()).toEqual(["tool.failed"]);
    expect(metrics.render()).toContain('tool_calls_total{tool="broken",outcome="failed"} 1');
  });

  it("passes on what an error of ours says to people", async () => {
    const error = new TroupeError("The mailbox is full.", { code: "tool.failed" });
    const { run } = await setUp([toolOf("mail", { run: () => Promise.reject(error) })]);

    expect((await run(callOf("mail"))).text).toBe("mail failed: The mailbox is full.");
  });

  it.each([
    ["pure", "slow did not finish within 5 s and was stopped."],
    ["external", "slow did not answer within 5 s. It may have acted all the same; ask before repeating it."],
  ] as const)(
    "stops a %s tool that takes too long, and is honest about what that means",
    async (kind, text) => {
      let reason: unknown;
      const slow = toolOf("slow", {
        kind,
        timeoutMs: 5_000,
        run: (_input, _context, options) =>
          new Promise(() => options.signal.addEventListener("abort", () => (reason = options.signal.reason))),
      });
      const { run, clock, metrics } = await setUp([slow]);

      const running = run(callOf("slow"));
      await clock.advance(5_000);

      expect(await running).toEqual({ text, isError: true });
      expect(TroupeError.is(reason, "tool.timeout")).toBe(true);
      expect(metrics.render()).toContain('tool_calls_total{tool="slow",outcome="timeout"} 1');
      expect(clock.timers).toBe(0);
    },
  );

  it("rejects with the signal's reason when the turn is cancelled, also where the tool does not listen", async () => {
    const { toolbox, clock } = await setUp([toolOf("deaf", { run: () => new Promise(() => {}) })]);
    const cancel = new AbortController();

    const running = toolbox.run(toolbox.select(agentOf(), "chat"), callOf("deaf"), toolContext(), {
      signal: cancel.signal,
    });
    await clock.settle();
    cancel.abort(new Error("cancelled"));

    await expect(running).rejects.toThrow("cancelled");
    expect(clock.timers).toBe(0);
  });

  it("cuts an answer at 32 KiB, between characters, and says so", async () => {
    const { run } = await setUp([toolOf("long", { run: async () => ({ text: "і".repeat(40_000) }) })]);

    const { text } = await run(callOf("long"));

    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(32 * 1024);
    expect(Buffer.byteLength(text)).toBeGreaterThan(32 * 1024 - 8);
    expect(text).toMatch(/^і+\n\n\[Cut: the whole answer has 80000 bytes\.\]$/);
  });

  it("passes on the writes of a transactional tool, and drops them when the answer is no", async () => {
    const write = {};
    const yes = toolOf("keep", {
      kind: "transactional",
      run: async () => ({ text: "kept", writes: [write] }),
    });
    const no = toolOf("refuse", {
      kind: "transactional",
      run: async () => ({ text: "no", isError: true, writes: [write] }),
    });
    const { run } = await setUp([yes, no]);

    expect((await run(callOf("keep"))).writes).toEqual([write]);
    expect(await run(callOf("refuse"))).toEqual({ text: "no", isError: true });
  });

  it("refuses writes of a tool that is not transactional", async () => {
    const { run, logger } = await setUp([toolOf("sly", { run: async () => ({ text: "ok", writes: [{}] }) })]);

    const output = await run(callOf("sly"));

    expect(output).toEqual({ text: "sly failed: something went wrong inside it.", isError: true });
    expect(logger.troubles()).toEqual(["tool.bad_output"]);
  });
});

describe("commands", () => {
  it("lists in help what the agent may use, in the language of the message, and offers help to no model", async () => {
    const { toolbox, run } = await setUp([toolOf("time"), toolOf("dice")]);

    const all = await run(callOf("help"), agentOf(), { isDirect: true });
    const some = await run(callOf("help"), agentOf(["time"]), { language: "uk", isDirect: true });

    expect(all.text.split("\n")).toEqual([
      "Commands:",
      "  /time [place]: what time it is",
      "  /roll [2d6+1]: roll dice",
      "  /whoami: who you are to me",
      "  /help: this list",
    ]);
    expect(some.text.split("\n")).toEqual([
      "Команди:",
      "  /time [місце]: котра година",
      "  /whoami: хто ви для мене",
      "  /help: цей перелік",
    ]);
    expect(toolbox.select(agentOf(), "chat").specs.map((spec) => spec.name)).toEqual(["time", "dice"]);
    expect(toolbox.select(agentOf(), "chat").kindOf("help")).toBe("pure");
  });
});
