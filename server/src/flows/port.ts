import type {
  CallOptions,
  Clock,
  FlowPort,
  FlowRun,
  FlowSignalStore,
  FlowState,
  FlowStore,
  FlowView,
  IdGenerator,
  Principal,
  StartFlow,
  UnitOfWork,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type FlowCode, type FlowDefinitions, stepOf } from "./definitions.ts";
import type { FlowEngine } from "./engine.ts";
import { resumed } from "./moves.ts";
import { bad, checkName, parkedOn } from "./waits.ts";

/** An event that comes before its wait is kept so long, and known as a repetition so long. */
const KEEP_EVENT_MS = 7 * 24 * 3_600_000;
const MAX_STATE_BYTES = 256 * 1024;
const MAX_GOAL = 500;
const RESUME_TRIES = 3;
/** Lines of its history that a flow is shown with. */
const SHOWN_LINES = 200;

export interface FlowPortDeps {
  readonly unit: UnitOfWork;
  readonly flows: FlowStore;
  readonly flowSignals: FlowSignalStore;
  readonly definitions: FlowDefinitions;
  readonly engine: Pick<FlowEngine, "ring" | "pair" | "says">;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}

/** Builds the `FlowPort`: see the port for what it promises. */
export function createFlowPort(deps: FlowPortDeps): FlowPort {
  const { flows, unit, engine, definitions } = deps;
  const shown = (flow: FlowRun): FlowView => ({ ...flow, parkedOn: parkedOn(flow, definitions.knows(flow)) });
  return {
    async start(flow, principal, options) {
      mayMove(principal);
      const id = flow.id ?? deps.ids.next();
      await unit.commit([startOf(deps, { ...flow, id }, principal)], options);
      engine.ring();
      return { id };
    },
    signal: (signal, principal, options) => keepSignal(deps, signal, principal, options),
    async resume(id, how, principal, options) {
      mayMove(principal);
      if (how.state !== undefined) checkState(how.state);
      for (let attempt = 1; ; attempt++) {
        try {
          await resumeOnce(deps, id, how, principal, options);
          break;
        } catch (error) {
          if (!TroupeError.is(error, "store.conflict") || attempt === RESUME_TRIES) throw error;
        }
      }
      engine.ring();
      return shown(found(await flows.get(id, options), id, principal));
    },
    async cancel(id, reason, principal, options) {
      mayMove(principal);
      const flow = found(await flows.get(id, options), id, principal);
      const detail = reason.trim() === "" ? `Cancelled by ${principal.id}.` : reason.slice(0, MAX_GOAL);
      await unit.commit(
        [flows.requestCancel(flow, engine.says("cancel-requested", detail, principal.id))],
        options,
      );
      engine.ring(id);
      return shown(found(await flows.get(id, options), id, principal));
    },
    async get(id, principal, options) {
      mayMove(principal);
      const flow = await flows.get(id, options);
      if (flow === undefined || flow.spaceId !== principal.spaceId) return undefined;
      const { parentId } = flow;
      const { before } = options;
      const lines = { id, limit: SHOWN_LINES + 1, ...(before === undefined ? {} : { before }) };
      const [history, children, parent] = await Promise.all([
        flows.history(lines, options),
        flows.children(id, options),
        parentId === undefined ? undefined : flows.get(parentId, options),
      ]);
      return {
        ...{ flow: shown(flow), history: history.slice(-SHOWN_LINES), hasMore: history.length > SHOWN_LINES },
        parent: parent === undefined ? undefined : shown(parent),
        children: children.map(shown),
      };
    },
    async list({ on, ...query }, principal, options) {
      mayMove(principal);
      const which = on === "version" ? { unknownTo: definitions.programs } : on === undefined ? {} : { on };
      const page = await flows.list({ ...query, ...which, spaceId: principal.spaceId }, options);
      return { ...page, items: page.items.map(shown) };
    },
    programs(principal) {
      mayMove(principal);
      return definitions.all;
    },
  };
}

/** A key may do what its owner may, and flows are the operator's. */
function mayMove({ kind }: Principal): void {
  if (kind === "operator" || kind === "system") return;
  throw new TroupeError("Flows are the operator's; this key may not see or move them.", {
    code: "auth.forbidden",
  });
}

function startOf(
  { flows, definitions, engine }: FlowPortDeps,
  flow: StartFlow & { readonly id: string },
  { spaceId, id: by }: Principal,
) {
  const state = flow.state ?? {};
  checkState(state);
  checkName("id of the flow", flow.id);
  if (flow.id.length > 64) throw bad("The id of a flow has at most 64 characters.");
  const rest = {
    ...{ id: flow.id, spaceId, parentId: undefined, sessionId: flow.sessionId, agentId: flow.agentId, state },
    goal: (flow.goal ?? "").slice(0, MAX_GOAL).toWellFormed(),
  };
  if (flow.mirrors !== undefined) {
    const { topic, correlationId } = flow.mirrors;
    checkName("topic", topic);
    checkName("correlationId", correlationId);
    checkName("name of the flow", flow.definition);
    const wait = { kind: "event", topic, correlationId, to: "watched" } as const;
    const mirrored = {
      ...rest,
      definition: flow.definition,
      version: 1,
      step: "watched",
      isMirrored: true,
      wait,
    };
    return flows.start(mirrored, engine.says("started", "watches work outside", by));
  }
  const definition = definitions.newest(flow.definition);
  if (definition === undefined) {
    const known =
      definitions.names.length === 0 ? "There is none." : `Known: ${definitions.names.join(", ")}.`;
    throw bad(`There is no flow "${flow.definition.slice(0, 64)}". ${known}`);
  }
  const { name, version, first: step } = definition;
  return flows.start(
    { ...rest, definition: name, version, step, isMirrored: false },
    engine.says("started", "", by),
  );
}

function checkState(state: FlowState): void {
  if (typeof state !== "object" || state === null || Array.isArray(state))
    throw bad("The state of a flow is a JSON object.");
  const bytes = Buffer.byteLength(JSON.stringify(state));
  if (bytes > MAX_STATE_BYTES)
    throw bad(`The state has ${bytes} bytes; at most ${MAX_STATE_BYTES} are kept.`);
}

const keepSignal = async (
  deps: FlowPortDeps,
  signal: Parameters<FlowPort["signal"]>[0],
  principal: Principal,
  options: CallOptions,
): ReturnType<FlowPort["signal"]> => {
  mayMove(principal);
  const { topic, correlationId, eventId, payload = {}, flowId } = signal;
  checkName("topic", topic);
  checkName("correlationId", correlationId);
  checkName("eventId", eventId);
  checkState(payload);
  const { spaceId } = principal;
  const at = deps.clock.now();
  const keep = deps.flowSignals.keep({
    ...{ eventId, spaceId, topic, correlationId, payload, at, expiresAt: at + KEEP_EVENT_MS },
    ...(flowId === undefined ? {} : { flowId }),
  });
  const { isNew } = (await deps.unit.commit([keep], options)).read(keep);
  // A repetition too: whoever kept it first may have died before it was given.
  const moved = await deps.engine.pair({ spaceId, topic, correlationId }, options);
  if (moved.length > 0) deps.engine.ring();
  const takenBy = (await deps.flowSignals.get({ spaceId, eventId }, options))?.takenBy;
  if (!isNew) return { kind: "duplicate", flowId: takenBy };
  return { kind: takenBy === undefined ? "kept" : "resumed", flowId: takenBy };
};

async function resumeOnce(
  { flows, unit, engine, definitions }: FlowPortDeps,
  id: string,
  how: { readonly state?: FlowState; readonly step?: string },
  principal: Principal,
  options: CallOptions,
): Promise<void> {
  const flow = found(await flows.get(id, options), id, principal);
  if (flow.wait === undefined || flow.isMirrored || flow.cancelRequested !== undefined) {
    const why = flow.isMirrored
      ? "watches work outside and goes on by events alone"
      : flow.cancelRequested !== undefined && flow.endedAt === undefined
        ? "is to be cancelled"
        : flow.endedAt === undefined
          ? "does not wait: it runs"
          : `has ended: ${flow.status}`;
    throw new TroupeError(`Flow ${id} ${why}.`, { code: "request.conflict" });
  }
  checkStep(definitions, flow, how);
  const move = resumed(flow, { reason: "manual", ...how });
  await unit.commit([flows.move(move, engine.says("resumed", "by hand", principal.id))], options);
}

/** A step that is named must be one of the code that the flow will run, by its own version's names. */
function checkStep(
  definitions: FlowDefinitions,
  flow: FlowRun,
  { step, state }: { readonly state?: FlowState; readonly step?: string },
): void {
  if (step === undefined) return;
  let code: FlowCode | undefined;
  try {
    code = definitions.codeOf({ ...flow, step, state: { ...flow.state, ...state } });
  } catch {
    // A mapping that throws is told where the step runs.
    return;
  }
  if (code === undefined || stepOf(code.definition, code.step) !== undefined) return;
  const known = Object.keys(code.definition.steps).join(", ");
  throw bad(`The flow "${flow.definition}" has no step "${step.slice(0, 80)}". Known: ${known}.`);
}

function found(flow: FlowRun | undefined, id: string, { spaceId }: Principal): FlowRun {
  if (flow !== undefined && flow.spaceId === spaceId) return flow;
  throw new TroupeError(`There is no flow ${id.slice(0, 64)}.`, { code: "request.not_found" });
}
