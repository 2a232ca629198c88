import { TroupeError } from "@troupe/contracts";
import { expect, test } from "vitest";
import { OPERATOR } from "../turns/stage.ts";
import { define, done, flowOf, KEY, options, process, stage, start } from "./flow-stage.ts";

test("a mirrored flow is moved and ended by events alone", async () => {
  const one = await process("one", []);
  await one.port.start(
    { id: "build", definition: "ci", mirrors: { topic: "ci", correlationId: "42" } },
    OPERATOR,
    options,
  );
  const tell = (eventId: string, payload: Readonly<Record<string, unknown>>) =>
    one.port.signal({ topic: "ci", correlationId: "42", eventId, payload }, OPERATOR, options);
  await tell("1", { step: "tests", state: { passed: 10 } });
  expect(await flowOf("build")).toMatchObject({ status: "waiting", step: "tests", state: { passed: 10 } });
  await tell("2", { status: "failed", reason: "Two tests failed." });

  expect(await flowOf("build")).toMatchObject({ status: "failed", error: "Two tests failed." });
});

test("an agent moves flows of its own conversation alone, and sees no revision", async () => {
  const one = await process("one", []);
  const tools = new Map((await one.tools.list(options)).map((tool) => [tool.spec.name, tool]));
  const context = (sessionId: string, key: string) =>
    ({
      ...{ spaceId: "default", agentId: "ana", sessionId, turnId: "t", now: stage.clock.now() },
      idempotencyKey: key,
    }) as never;
  const call = async (name: string, input: object, sessionId = "s-1", key = `${name}`) => {
    const output = await tools.get(name)?.run(input, context(sessionId, key), options);
    if (output?.writes !== undefined) await stage.stores.unit.commit(output.writes, options);
    return output;
  };
  const [, flow = ""] =
    /Flow (\w+)/.exec((await call("flow_start", { goal: "Plan a trip", step: "ask" }))?.text ?? "") ?? [];

  await call("flow_advance", { flow, step: "book", data: { city: "Lviv" } });
  expect(await call("flow_finish", { flow }, "s-2")).toMatchObject({ isError: true });
  expect(await call("flow_wait", { flow, until: "2001-01-01T00:00:00Z" })).toMatchObject({ isError: true });
  const status = (await call("flow_status", { flow }))?.text ?? "";

  expect(status).toContain('step "book"');
  expect(status).not.toContain("revision");
  await call("flow_finish", { flow });
  expect(await flowOf(flow)).toMatchObject({ status: "finished", step: "book", state: { city: "Lviv" } });
});

test("what waits is resumed by hand, and only by who may", async () => {
  const one = await process("one", [
    define({ pack: () => ({ next: { wait: { kind: "manual", to: "send" } } }), send: () => done }),
  ]);
  await start(one.port);
  await stage.clock.settle();

  await expect(one.port.resume("flow-1", {}, KEY, options)).rejects.toMatchObject({ code: "auth.forbidden" });
  await one.port.resume("flow-1", { state: { by: "me" } }, OPERATOR, options);
  await stage.clock.settle();
  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", reason: "manual", state: { by: "me" } });
  await expect(one.port.resume("flow-1", {}, OPERATOR, options)).rejects.toBeInstanceOf(TroupeError);
});
