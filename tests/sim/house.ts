// The processes of one schedule. One that crashed, or ended in good order, is followed by another in its place.
import {
  createSimulatedProcess,
  type Faults,
  type SimulatedProcess,
  type World,
} from "../../testing/src/simulator/index.ts";

export interface Resident<Composition> {
  readonly process: SimulatedProcess;
  readonly composition: Composition;
}

/** The processes that run, and the next incarnation of each that crashed. */
export interface House<Composition> {
  /** Somebody that a client may reach, by a number from 0 to 1: also one that is stopped, which clients cannot know. */
  pick(at: number): Resident<Composition> | undefined;
  readonly isWhole: boolean;
  /** Those that have not crashed. */
  readonly residents: readonly Resident<Composition>[];
}

/** What a process can always be asked: to end in good order. */
export interface Leaving {
  /** Resolves when the process may be ended. */
  leave(): Promise<void>;
}

export function createHouse<Composition extends Leaving>(deps: {
  readonly world: World;
  readonly faults: Faults;
  readonly plan: { readonly processes: number; readonly skewMs: number };
  /** `room`: which of the processes it is, from 0; the same for all that follow one another. */
  readonly compose: (process: SimulatedProcess, room: number) => Composition;
}): House<Composition> {
  const { world, faults, plan, compose } = deps;
  const random = world.random.fork("house");
  const rooms: (Resident<Composition> | undefined)[] = Array.from(
    { length: plan.processes },
    () => undefined,
  );
  let born = 0;
  const start = (room: number): void => {
    born += 1;
    const process = createSimulatedProcess({
      world,
      faults,
      name: `p${born}`,
      skewMs: plan.skewMs === 0 ? 0 : random.int(-plan.skewMs, plan.skewMs),
      onCrash() {
        rooms[room] = undefined;
        world.after(random.int(20, 2_500), undefined, "start", () => start(room));
      },
      onLeave() {
        composition.leave().then(
          () => process.crash(),
          (error: unknown) => world.fail(error),
        );
      },
    });
    world.log(process.name, "starts");
    const composition = compose(process, room);
    rooms[room] = { process, composition };
  };
  for (const room of rooms.keys()) start(room);
  const residents = (): readonly Resident<Composition>[] => rooms.filter((room) => room !== undefined);
  return {
    pick(at) {
      const there = residents();
      return there[Math.floor(at * there.length)];
    },
    get residents() {
      return residents();
    },
    get isWhole() {
      return rooms.every((room) => room?.process.state === "running");
    },
  };
}
