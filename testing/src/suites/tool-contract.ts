import type { Tool, ToolContext } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { beforeEach, describe, expect, it } from "vitest";

export interface ToolHarness {
  /** A fresh tool, with whatever it works on in the same state each time. */
  make(): Promise<Tool>;
  /** An input that it can serve. */
  readonly input: unknown;
  /** An input that fits the schema and that it has to decline, where there is one. */
  readonly declined?: unknown;
}

/** A context for running a tool by hand. */
export function toolContext(changes: Partial<ToolContext> = {}): ToolContext {
  return {
    principal: { spaceId: DEFAULT_SPACE_ID, kind: "key", id: "key-1" },
    spaceId: DEFAULT_SPACE_ID,
    agentId: "ana",
    sessionId: "session-1",
    turnId: "turn-1",
    turnSeq: 7,
    messageIds: ["message-1"],
    callId: "call-1",
    peerId: "peer-1",
    ownerId: "key-1",
    audience: ["peer-1"],
    now: Date.UTC(2026, 10, 20, 12, 5, 0),
    language: "en",
    idempotencyKey: "turn-1/call-1",
    ...changes,
  };
}

const signal = new AbortController().signal;

/** What every `Tool` keeps to. */
export function toolContract(name: string, harness: ToolHarness): void {
  describe(`tool contract: ${name}`, () => {
    let tool: Tool;
    beforeEach(async () => {
      tool = await harness.make();
    });

    describeSpec(() => tool);
    describeRunning(() => tool, harness);
    if (harness.declined !== undefined) describeDeclining(() => tool, harness);
  });
}

function describeSpec(get: () => Tool): void {
  it("has a name that every provider takes, and says when to use it", () => {
    const { spec } = get();

    expect(spec.name).toMatch(/^[a-z0-9_]{1,64}$/);
    expect(spec.description.length).toBeGreaterThanOrEqual(20);
    expect(spec.description.length).toBeLessThanOrEqual(1_000);
  });

  it("describes its input as a closed JSON Schema object, each property with a description", () => {
    const { inputSchema } = get().spec;
    const properties = Object.values(
      (inputSchema.properties ?? {}) as Record<string, { description?: string }>,
    );

    expect(inputSchema.type).toBe("object");
    expect(inputSchema.additionalProperties).toBe(false);
    expect(properties.every((property) => (property.description ?? "").length > 0)).toBe(true);
    expect(JSON.parse(JSON.stringify(inputSchema))).toEqual(inputSchema);
  });
}

function describeRunning(get: () => Tool, harness: ToolHarness): void {
  it("answers in words that are not an error", async () => {
    const output = await get().run(harness.input, toolContext(), { signal });

    expect(output.text.trim()).not.toBe("");
    expect(output.isError ?? false).toBe(false);
  });

  it.each(["en", "uk"])("answers in the language of the message: %s", async (language) => {
    const output = await get().run(harness.input, toolContext({ language }), { signal });

    expect(output.text.trim()).not.toBe("");
  });

  it("returns writes exactly when it is transactional", async () => {
    const tool = get();

    const output = await tool.run(harness.input, toolContext(), { signal });

    expect((output.writes ?? []).length > 0).toBe(tool.spec.kind === "transactional");
  });

  it("gives the same answer to the same call when it is pure or transactional", async () => {
    const tool = get();
    if (tool.spec.kind === "external") return;

    const first = await tool.run(harness.input, toolContext(), { signal });
    const second = await tool.run(harness.input, toolContext(), { signal });

    expect(second.text).toBe(first.text);
  });

  it("ends with the signal's reason, or with an answer, when the call is no longer wanted", async () => {
    const run = get().run(harness.input, toolContext(), {
      signal: AbortSignal.abort(new Error("no longer wanted")),
    });

    const outcome = await run.then(
      (output) => typeof output.text,
      (error: unknown) => (error as Error).message,
    );

    expect(["string", "no longer wanted"]).toContain(outcome);
  });
}

function describeDeclining(get: () => Tool, harness: ToolHarness): void {
  it("declines kindly, without throwing and without writes", async () => {
    const output = await get().run(harness.declined, toolContext(), { signal });

    expect(output.isError).toBe(true);
    expect(output.text.trim()).not.toBe("");
    expect(output.writes ?? []).toEqual([]);
  });
}
