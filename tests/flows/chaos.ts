// Flows under trouble: seeded schedules over processes that die at a commit, hesitate past their claims and go on, and are
// upgraded; with events told twice, wishes to cancel, and clocks that jump. Then peace, and a look at what was kept.
import type { FlowRun, InboundMessage, Stores, UnitOfWork } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder, type ManualClock } from "@troupe/testing";
import { createLocalBus } from "../../server/src/bus/index.ts";
import { createFlowDefinitions, createFlowEngine, createFlowPort } from "../../server/src/flows/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createRandom, type Random } from "../../testing/src/simulator/index.ts";
import { OPERATOR } from "../turns/stage.ts";
import { definitionsOf, SHARED } from "./chaos-flow.ts";

const options = { signal: new AbortController().signal };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const PROCESS_LEASE_MS = 30 * SECOND;
const MOST_PROCESSES = 3;
const NEVER = new Promise<never>(() => undefined);
const OPEN = ["running", "waiting"] as const;

/** What happened, so that a schedule without trouble is seen. */
export interface ChaosCounts {
  flows: number;
  steps: number;
  killedBefore: number;
  killedAfter: number;
  thawed: number;
  busy: number;
  repeated: number;
  cancelled: number;
  failed: number;
  moved: number;
  turns: number;
  events: number;
}

export const noCounts = (): ChaosCounts => ({
  ...{ flows: 0, steps: 0, killedBefore: 0, killedAfter: 0, thawed: 0, busy: 0 },
  ...{ repeated: 0, cancelled: 0, failed: 0, moved: 0, turns: 0, events: 0 },
});

interface Member {
  readonly id: string;
  readonly engine: ReturnType<typeof createFlowEngine>;
  readonly port: ReturnType<typeof createFlowPort>;
  state: "lives" | "frozen" | "dead";
  die(): void;
  thaw(): void;
}

/** A turn that a flow was given; its end is told until it was heard. */
interface GivenTurn {
  readonly turnId: string;
  readonly after: NonNullable<InboundMessage["afterEnd"]>;
  ended: boolean;
}

export class ChaosRun {
  readonly counts: ChaosCounts = noCounts();
  readonly #clock: ManualClock;
  readonly #stores: Stores;
  readonly #random: Random;
  readonly #members: Member[] = [];
  readonly #turns = new Map<string, GivenTurn>();
  #versions: readonly number[] = [1];
  #isPeace = false;
  #named = 0;

  constructor(stage: { readonly clock: ManualClock; readonly stores: Stores }, seed: number) {
    this.#clock = stage.clock;
    this.#stores = stage.stores;
    this.#random = createRandom(seed);
  }

  /** Trouble for so many moments, then peace until every flow has ended. Resolves with those that never did. */
  async run(moments: number): Promise<readonly FlowRun[]> {
    for (let moment = 0; moment < moments; moment++) {
      if (moment === Math.floor(moments / 3)) this.#versions = [1, 2];
      if (moment === Math.floor((moments * 2) / 3)) this.#versions = [2];
      await this.#renewLeases();
      await this.#moment();
    }
    return this.#peace();
  }

  async #moment(): Promise<void> {
    if (!this.#members.some(({ state }) => state === "lives")) await this.#begin();
    const dice = this.#random.int(0, 99);
    if (dice < 35) await this.#clock.advance(this.#random.int(1, 30) * SECOND);
    else if (dice < 52) this.#start();
    else if (dice < 67) await this.#tell();
    else if (dice < 75) await this.#resume();
    else if (dice < 82) this.#endTurn();
    else if (dice < 85) await this.#cancel();
    else if (dice < 88) this.#anyone()?.die();
    else if (dice < 93) await this.#begin();
    else if (dice < 97) this.#thaw();
    else this.#clock.shiftWallClock(this.#random.int(-10, 10) * MINUTE);
    await this.#clock.settle();
  }

  /** All that waits is given what it waits for, by one process of the newest version that nothing happens to. */
  async #peace(): Promise<readonly FlowRun[]> {
    this.#isPeace = true;
    for (const member of this.#members) member.thaw();
    await this.#clock.settle();
    for (const member of this.#members) member.die();
    await this.#begin();
    let left = await this.#open();
    for (let round = 0; round < 80 && left.length > 0; round++) {
      await this.#renewLeases();
      for (const flow of left) await this.#give(flow);
      for (const turn of this.#turns.values()) await this.#tellEnd(turn);
      await this.#clock.advance(3 * MINUTE);
      left = await this.#open();
    }
    return left;
  }

  async #give({ id, wait, cancelRequested }: FlowRun): Promise<void> {
    const [member] = this.#alive();
    if (member === undefined || cancelRequested !== undefined) return;
    if (wait?.kind === "event") {
      await member.port.signal(eventOf(id, wait, `peace ${this.#named++}`), OPERATOR, options);
    } else if (wait?.kind === "manual") {
      try {
        await member.port.resume(id, {}, OPERATOR, options);
      } catch (error) {
        // It went on or ended since it was listed, with its parent perhaps.
        if (!TroupeError.is(error, "request.conflict")) throw error;
      }
    }
  }

  // ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────

  async #begin(): Promise<void> {
    if (this.#alive().length >= MOST_PROCESSES) return;
    const id = `p-${this.#named++}`;
    const { unit, leases } = this.#stores;
    await unit.commit([leases.register({ id, pid: 1, role: "all", leaseMs: PROCESS_LEASE_MS })], options);
    this.#members.push(this.#member(id));
  }

  #member(id: string): Member {
    const clock = this.#clock;
    const logger = createLogRecorder();
    const metrics = createMetrics();
    const bus = createLocalBus({ logger, metrics, clock });
    const life = new AbortController();
    let thawed = Promise.withResolvers<void>();
    thawed.resolve();
    const state = { now: "lives" as Member["state"] };
    const ids = createIdGenerator(clock);
    const common = {
      ...{ ...this.#stores, clock, metrics, bus, logger, ids, processId: id, spaceId: "default" },
      unit: this.#unit(
        () => member,
        () => thawed.promise,
      ),
      definitions: createFlowDefinitions(definitionsOf(this.#versions, this.#stores, this.#random)),
      ...{ random: () => 0.5, pushes: () => false },
      inbox: () => ({ accept: async (message: InboundMessage) => this.#accept(message) }),
      control: () => ({ cancel: async () => ({ kind: "cancelled" as const, state: "cancelled" as const }) }),
    };
    const engine = createFlowEngine(common);
    const member: Member = {
      ...{ id, engine, port: createFlowPort({ ...common, engine }) },
      get state() {
        return state.now;
      },
      set state(next) {
        if (next === "frozen") thawed = Promise.withResolvers();
        state.now = next;
      },
      die() {
        state.now = "dead";
        life.abort(new Error("killed"));
      },
      thaw() {
        if (state.now === "frozen") state.now = "lives";
        thawed.resolve();
      },
    };
    engine.start(life.signal);
    return member;
  }

  /** Commits that may be the last thing that a process does, or come long after they were meant to. */
  #unit(self: () => Member, thawed: () => Promise<void>): UnitOfWork {
    const { unit } = this.#stores;
    return {
      ...unit,
      commit: async (writes, call) => {
        const dice = this.#isPeace ? 0.5 : this.#random.next();
        // Stands still before this very commit, whatever it was in the middle of.
        if (dice > 0.97 && self().state === "lives") self().state = "frozen";
        if (self().state === "frozen") await thawed();
        if (self().state === "dead") return NEVER;
        if (dice < 0.015) {
          this.counts.killedBefore++;
          self().die();
          return NEVER;
        }
        if (dice < 0.03) {
          await unit.commit(writes, call);
          this.counts.killedAfter++;
          self().die();
          return NEVER;
        }
        if (dice < 0.04) {
          this.counts.busy++;
          throw new TroupeError("The store is busy.", { code: "store.busy", retryable: true });
        }
        return unit.commit(writes, call);
      },
    };
  }

  /** Goes on with what it was in the middle of, often long after its claims have ended. */
  #thaw(): void {
    const frozen = this.#members.filter(({ state }) => state === "frozen");
    if (frozen.length === 0) return;
    this.#random.pick(frozen).thaw();
    this.counts.thawed++;
  }

  #alive(): Member[] {
    return this.#members.filter(({ state }) => state === "lives");
  }

  /** Undefined where all have died meanwhile. */
  #anyone(): Member | undefined {
    const alive = this.#alive();
    return alive.length === 0 ? undefined : this.#random.pick(alive);
  }

  async #renewLeases(): Promise<void> {
    const { unit, leases } = this.#stores;
    const renewals = this.#alive().map(({ id }) => leases.renew(id, PROCESS_LEASE_MS));
    if (renewals.length > 0) await unit.commit(renewals, options);
  }

  // ── what people and programs do ───────────────────────────────────────────────────────────────────────────────

  #start(): void {
    const port = this.#anyone()?.port;
    if (port === undefined) return;
    const id = `flow-${this.counts.flows++}`;
    const started = () =>
      port.start({ id, definition: "order", state: { n: 0, depth: 0 } }, OPERATOR, options);
    void started().catch(ignored);
    // Whoever got no answer asks again, with the same id.
    if (this.#random.chance(0.3)) void started().catch(ignored);
  }

  /** One event, told once or several times, here and elsewhere; sometimes before anybody waits for it. */
  async #tell(): Promise<void> {
    const waiting = (await this.#open()).filter(({ wait }) => wait?.kind === "event");
    if (waiting.length === 0) return;
    const { id, wait } = this.#random.pick(waiting);
    if (wait?.kind !== "event") return;
    const event = eventOf(id, wait, `event ${this.#random.int(0, 2)}`);
    const times = this.#random.int(1, 3);
    this.counts.repeated += times - 1;
    for (let n = 0; n < times; n++) void this.#anyone()?.port.signal(event, OPERATOR, options).catch(ignored);
  }

  async #resume(): Promise<void> {
    const waiting = (await this.#open()).filter(({ wait }) => wait?.kind === "manual");
    if (waiting.length === 0) return;
    const { id } = this.#random.pick(waiting);
    void this.#anyone()?.port.resume(id, {}, OPERATOR, options).catch(ignored);
  }

  async #cancel(): Promise<void> {
    const open = await this.#open();
    if (open.length === 0) return;
    const { id } = this.#random.pick(open);
    void this.#anyone()?.port.cancel(id, "enough", OPERATOR, options).catch(ignored);
  }

  /** The way in: the same platform id is the same turn, whoever asks. */
  #accept(message: InboundMessage) {
    const platformId = message.platformId ?? "";
    const known = this.#turns.get(platformId);
    const turnId = known?.turnId ?? `turn-${this.#turns.size}`;
    if (known === undefined && message.afterEnd !== undefined) {
      this.counts.turns++;
      this.#turns.set(platformId, { turnId, after: message.afterEnd, ended: false });
    }
    return { kind: "duplicate" as const, turnId, sessionId: "s", state: "running" as const };
  }

  #endTurn(): void {
    const running = [...this.#turns.values()].filter(({ ended }) => !ended);
    if (running.length > 0) void this.#tellEnd(this.#random.pick(running)).catch(ignored);
  }

  /** As the effect of the turn's end does: again and again until somebody did it. */
  async #tellEnd(turn: GivenTurn): Promise<void> {
    const [member] = this.#alive();
    if (turn.ended || member === undefined) return;
    const { kind, v, lane, payload } = turn.after;
    const told = { ...payload, turnId: turn.turnId, state: "replied" };
    const about = { id: `end of ${turn.turnId}`, spaceId: "default", turnId: turn.turnId, sessionId: "s" };
    await member.engine.handler.handle(
      { ...about, kind, v, lane, payload: told, attempt: 1, epoch: 1, createdAt: 0 },
      options,
    );
    turn.ended = true;
  }

  async #open(): Promise<readonly FlowRun[]> {
    const query = { spaceId: "default", statuses: OPEN, limit: 200 };
    return (await this.#stores.flows.list(query, options)).items;
  }
}

/** For the flow that waits alone, or for any of those that wait for the same. */
function eventOf(
  id: string,
  { topic, correlationId }: { readonly topic: string; readonly correlationId: string },
  name: string,
) {
  const payload = correlationId.startsWith(SHARED) ? {} : { of: id };
  return { topic, correlationId, eventId: `${name} ${correlationId}`, payload };
}

/** Refused, or never answered: the schedule goes on. */
function ignored(): void {}
