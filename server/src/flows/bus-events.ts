import type {
  Clock,
  Envelope,
  FlowOccurrence,
  FlowPort,
  IdGenerator,
  Logger,
  MessageBus,
  Principal,
} from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";

export interface FlowBusEventsDeps {
  readonly bus: MessageBus;
  readonly port: Pick<FlowPort, "signal">;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly spaceId: string;
}

/** One process of those that work on flows takes each event. */
const GROUP = "flows";
const VERSION = 1;

/**
 * Events for flows that come over the bus, `SUBJECTS.flowResume`. Whoever publishes hopes; whoever asks is told that the event
 * is kept, and asks again with the same event id where no answer came. Source: feature NR-063.
 */
export function hearFlowEvents(deps: FlowBusEventsDeps): Disposable {
  const { bus, port, clock, ids, logger, spaceId } = deps;
  const principal: Principal = { spaceId, kind: "system", id: "bus" };
  const life = new AbortController();
  const keep = async (envelope: Envelope): Promise<Envelope["payload"]> => {
    try {
      if (envelope.v !== VERSION) throw notRead(envelope);
      return { ...(await port.signal(occurrenceOf(envelope), principal, life)) };
    } catch (error) {
      if (!TroupeError.is(error) || !error.code.startsWith("request.")) throw error;
      logger.warn("flow.event-refused", { envelopeId: envelope.id, error });
      return { kind: "refused", code: error.code, reason: error.message };
    }
  };
  const heard = new DisposableStack();
  heard.defer(() => life.abort(new Error("Troupe is stopping.")));
  heard.use(
    bus.subscribe(
      SUBJECTS.flowResume,
      (envelope) =>
        void keep(envelope).catch((error: unknown) => {
          if (!life.signal.aborted) logger.error("flow.event-not-kept", { envelopeId: envelope.id, error });
        }),
      { group: GROUP },
    ),
  );
  heard.use(
    bus.respond(SUBJECTS.flowResume, async (envelope) => ({
      ...{ id: ids.next(), kind: envelope.kind, v: VERSION, at: clock.now() },
      payload: await keep(envelope),
    })),
  );
  return heard;
}

function occurrenceOf({ id, payload }: Envelope): FlowOccurrence {
  const { topic, correlationId, eventId = id, flowId, payload: what } = payload;
  // What is no text is refused by the port, in the words that it has for everybody.
  return {
    ...{ topic: topic as string, correlationId: correlationId as string, eventId: eventId as string },
    ...(typeof flowId === "string" ? { flowId } : {}),
    ...(what === undefined ? {} : { payload: what as NonNullable<FlowOccurrence["payload"]> }),
  };
}

function notRead({ v }: Envelope): TroupeError {
  return new TroupeError(`An event of version ${v} cannot be read here.`, { code: "request.invalid" });
}
