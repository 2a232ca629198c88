import type {
  AnyHook,
  Clock,
  EffectDraft,
  ErrorCode,
  Hook,
  HookOptions,
  HookPoint,
  HookPoints,
  Hooks,
  InboundVerdict,
  Logger,
  ToolCallVerdict,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  draftFault,
  type EffectVersions,
  hasModule,
  linkSignal,
  type Metrics,
  untilAborted,
} from "../kit/index.ts";

/** Most hooks of one point. Source: feature NR-011. */
export const MAX_HOOKS_PER_POINT = 128;
const TIMEOUT_MS = 1_000;
const GATE_TIMEOUT_MS = 5_000;
/** Longest time that all hooks of a point take together. */
const POINT_TIMEOUT_MS = 10_000;

const GATES: ReadonlySet<HookPoint> = new Set(["before_message", "before_tool_call"]);

/** The hooks of a process. Made by whoever composes it; there is one for each Troupe, and none by itself. */
export interface HookRegistry extends Hooks {
  /** Throws `config.invalid` past the cap, and for a name that the module has at that point already. */
  add(moduleId: string, hook: AnyHook): void;
}

interface Entry {
  readonly moduleId: string;
  /** `module/name`. */
  readonly id: string;
  readonly hook: AnyHook;
}

type Answer<Point extends HookPoint> =
  | { readonly kind: "ran"; readonly answer: HookPoints[Point]["answers"] }
  | { readonly kind: "failed"; readonly error: unknown };

interface Parts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Effects that hooks ask for are held against it. Absent: whatever they ask for is kept. */
  readonly effectVersions?: EffectVersions;
}

export function createHookRegistry(parts: Parts): HookRegistry {
  const points = new Map<HookPoint, Entry[]>();
  const run = createRunner(parts, points);
  const { gateMessage, gateToolCall } = createGates(parts, run);
  const draftsOf = createDraftTaker(parts);
  return {
    add(moduleId, hook) {
      const list = points.get(hook.point) ?? [];
      const entry = { moduleId, hook, id: `${moduleId}/${hook.name ?? hook.point}` };
      refuseUnfit(list, entry);
      // Behind those of the same priority, so that equal ones run in the order in which they came.
      const at = list.findLastIndex((one) => priorityOf(one) <= priorityOf(entry));
      points.set(hook.point, list.toSpliced(at + 1, 0, entry));
    },
    has: (point) => points.has(point),
    tell: (point, told, options) => run(point, () => told, options, NEXT),
    gateMessage,
    gateToolCall,
    async endTurn(told, options) {
      const drafts: (EffectDraft & { readonly id: string })[] = [];
      const take = (entry: Entry, answer: Answer<"turn_end">): "next" => {
        drafts.push(...draftsOf(entry, answer, options));
        return "next";
      };
      await run("turn_end", () => told, options, take);
      return drafts;
    },
  };
}

/** The effects that an answer asks for, without those that could not be kept or run: what is wrong with one is told. */
function createDraftTaker({ logger, metrics, effectVersions }: Parts) {
  const refused = metrics.counter("effects_refused_total", "Effects that hooks asked for in vain");
  return (
    { id: hook }: Entry,
    answer: Answer<"turn_end">,
    options: HookOptions,
  ): readonly (EffectDraft & { readonly id: string })[] => {
    const refuse = (fault: string): readonly [] => {
      const error = new TroupeError(`${fault}.`, { code: "request.invalid" });
      refused.add(1, { hook });
      logger.error("effect.refused", { hook, error });
      options.onFailure?.({ point: "turn_end", hook, error });
      return [];
    };
    const effects = answer.kind === "ran" ? (answer.answer?.effects ?? []) : [];
    if (!Array.isArray(effects)) return refuse("it asks for effects that are no list");
    return (effects as readonly EffectDraft[]).flatMap((effect, n) => {
      const fault = effectVersions === undefined ? undefined : draftFault(effect, effectVersions);
      return fault === undefined ? [{ ...effect, id: `${hook}/${n}` }] : refuse(fault);
    });
  };
}

const NEXT = (): "next" => "next";

/** Runs the hooks of a point in order, until `take` has seen enough. */
type Run = <Point extends HookPoint>(
  point: Point,
  told: () => HookPoints[Point]["told"],
  options: HookOptions,
  take: (entry: Entry, answer: Answer<Point>) => "next" | "enough",
) => Promise<void>;

function createRunner({ clock, logger, metrics }: Parts, points: ReadonlyMap<HookPoint, Entry[]>): Run {
  const failures = metrics.counter("hook_failures_total", "Hooks that threw or were late");
  const runOne = async <Point extends HookPoint>(
    point: Point,
    entry: Entry,
    told: HookPoints[Point]["told"],
    leftMs: number,
    options: HookOptions,
  ): Promise<Answer<Point>> => {
    const hook = entry.hook as unknown as Hook<Point>;
    const ownMs = hook.timeoutMs ?? (GATES.has(point) ? GATE_TIMEOUT_MS : TIMEOUT_MS);
    const afterMs = Math.min(ownMs, Math.max(0, leftMs));
    const reason = () =>
      new TroupeError(`The hook ${entry.id} took longer than ${afterMs} ms.`, { code: "request.timeout" });
    using scope = linkSignal(options.signal, { clock, afterMs, reason });
    try {
      const given = hook.run(told, { signal: scope.signal });
      const answer = given instanceof Promise ? await untilAborted(given, scope.signal) : given;
      return { kind: "ran", answer };
    } catch (error) {
      options.signal.throwIfAborted();
      failures.add(1, { point, hook: entry.id });
      logger.warn("hook.failed", { point, hook: entry.id, error });
      options.onFailure?.({ point, hook: entry.id, error });
      return { kind: "failed", error };
    }
  };
  return async (point, told, options, take) => {
    const untilMs = clock.monotonicMs() + POINT_TIMEOUT_MS;
    for (const entry of points.get(point) ?? []) {
      if (options.spec !== undefined && !hasModule(options.spec, entry.moduleId)) continue;
      options.signal.throwIfAborted();
      const answer = await runOne(point, entry, told(), untilMs - clock.monotonicMs(), options);
      if (take(entry, answer) === "enough") return;
    }
  };
}

interface Denied {
  readonly kind: "deny";
  readonly reason: string;
  readonly hook: string;
}

function createGates({ metrics }: Parts, run: Run): Pick<Hooks, "gateMessage" | "gateToolCall"> {
  const denials = metrics.counter("hook_denials_total", "Messages and tool calls that a hook denied");
  const deny = (point: HookPoint, { id }: Entry, { reason }: { readonly reason: string }): Denied => {
    denials.add(1, { point, hook: id });
    return { kind: "deny", reason, hook: id };
  };
  return {
    async gateMessage(told, options) {
      let { message } = told;
      const denied: (Denied & { readonly code: ErrorCode })[] = [];
      await run(
        "before_message",
        () => ({ ...told, message }),
        options,
        (entry, answer) => {
          const verdict = verdictOf<InboundVerdict>(answer, ({ parts }) => Array.isArray(parts));
          if (verdict.kind === "change") message = { ...message, parts: verdict.parts };
          if (verdict.kind !== "deny") return "next";
          const code = answer.kind === "failed" ? "internal" : (verdict.code ?? "auth.forbidden");
          denied.push({ ...deny("before_message", entry, verdict), code });
          return "enough";
        },
      );
      return denied[0] ?? { kind: "pass", message };
    },
    async gateToolCall(told, options) {
      let text = told.arguments;
      const changedBy: string[] = [];
      const denied: Denied[] = [];
      await run(
        "before_tool_call",
        () => ({ ...told, arguments: text }),
        options,
        (entry, answer) => {
          const verdict = verdictOf<ToolCallVerdict>(answer, (one) => typeof one.arguments === "string");
          if (verdict.kind === "change") {
            text = verdict.arguments;
            changedBy.push(entry.id);
          }
          if (verdict.kind !== "deny") return "next";
          denied.push(deny("before_tool_call", entry, verdict));
          return "enough";
        },
      );
      return denied[0] ?? { kind: "pass", arguments: text, changedBy };
    },
  };
}

const priorityOf = ({ hook }: Entry): number => hook.priority ?? 0;

function refuseUnfit(list: readonly Entry[], { id, hook }: Entry): void {
  const refuse = (why: string): never => {
    throw new TroupeError(`The hook ${id} at ${hook.point} ${why}`, { code: "config.invalid" });
  };
  if (list.length >= MAX_HOOKS_PER_POINT) refuse(`is one too many: ${MAX_HOOKS_PER_POINT} are the most.`);
  if (list.some((one) => one.id === id)) refuse("is there already. Give each a name of its own.");
}

const PASS = { kind: "pass" } as const;

/** No answer that can be read means no: a gate fails closed. Source: design §2 rule 9. */
function verdictOf<Verdict extends { readonly kind: string }>(
  answer: { readonly kind: "ran"; readonly answer: Verdict | undefined } | { readonly kind: "failed" },
  isChange: (verdict: Readonly<Record<string, unknown>>) => boolean,
): Verdict | typeof PASS | { readonly kind: "deny"; readonly reason: string; readonly code?: never } {
  if (answer.kind === "failed") return { kind: "deny", reason: "It could not be checked." };
  const { answer: verdict } = answer;
  if (verdict === undefined) return PASS;
  const known: Readonly<Record<string, unknown>> = Object(verdict);
  // What it answers is used as it is.
  const isWhole =
    known.kind === "deny" ? typeof known.reason === "string" : known.kind === "change" && isChange(known);
  return isWhole ? verdict : { kind: "deny", reason: "It could not be checked." };
}
