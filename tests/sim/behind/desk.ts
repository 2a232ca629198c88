// Where people and programs outside hand in what they want done: again and again, until some process acknowledges it.
import { TroupeError } from "@troupe/contracts";
import type { Random, World } from "../../../testing/src/simulator/index.ts";
import type { Resident } from "../house.ts";
import type { Behind } from "./composition.ts";

export interface Wish<Result> {
  readonly what: string;
  run(process: Behind): Promise<Result>;
  /** Called at most once, when it was acknowledged. */
  readonly onDone?: (result: Result) => void;
  /** Called at most once, when asking again would not help. */
  readonly onRefused?: (error: TroupeError) => void;
}

export interface Desk {
  ask<Result>(wish: Wish<Result>): void;
  /** Something of the clients happens later, and they are not done before. */
  later(delayMs: number, what: string, run: () => void): void;
  readonly isDone: boolean;
}

const PATIENCE_MS = 2_500;
const AGAIN_MS = 400;

export function createDesk(deps: {
  readonly world: World;
  readonly random: Random;
  readonly pick: (at: number) => Resident<Behind> | undefined;
}): Desk {
  const { world, random } = deps;
  let open = 0;

  const attempt = <Result>(wish: Wish<Result>): void => {
    let isOver = false;
    const end = (next: () => void): void => {
      if (isOver) return;
      isOver = true;
      next();
    };
    const again = (): void =>
      void world.after(AGAIN_MS + random.next() * 600, undefined, "again", () => attempt(wish));
    world.after(PATIENCE_MS + random.next() * 1_000, undefined, "client gives up", () => end(again));
    const target = deps.pick(random.next());
    if (target === undefined) return;
    const { process, composition } = target;
    const tell = (next: () => void): void =>
      void world.after(random.next() * 5, undefined, "answered", () => end(next));
    world.after(random.next() * 5, process, wish.what, () => {
      world.log(process.name, "is asked", wish.what);
      wish.run(composition).then(
        (result) =>
          tell(() => {
            world.log("client", "is told done", wish.what);
            open -= 1;
            wish.onDone?.(result);
          }),
        (error: unknown) =>
          tell(() => {
            world.log("client", "is told of an error", `${wish.what} ${String(error)}`);
            if (!TroupeError.is(error) || !error.code.startsWith("request.")) return again();
            open -= 1;
            wish.onRefused?.(error);
          }),
      );
    });
  };
  return {
    ask(wish) {
      open += 1;
      attempt(wish);
    },
    later(delayMs, what, run) {
      open += 1;
      world.after(delayMs, undefined, what, () => {
        open -= 1;
        run();
      });
    },
    get isDone() {
      return open === 0;
    },
  };
}
