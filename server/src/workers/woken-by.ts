import { type MessageBus, SUBJECTS } from "@troupe/contracts";

/** Rung, or back on the bus, where a bell may have been missed. */
export function wokenBy(bus: Pick<MessageBus, "subscribe">, subject: string, wake: () => void): Disposable {
  const bells = new DisposableStack();
  for (const one of [subject, SUBJECTS.busBack]) bells.use(bus.subscribe(one, wake));
  return bells;
}
