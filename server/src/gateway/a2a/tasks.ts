import type { Artifact, Message, Part, Task, TaskStatus } from "@a2a-js/sdk";
import type { Message as KeptMessage, MessagePart, Session, Turn, TurnState } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import type { Face } from "../face.ts";
import { replyOf } from "../turn-record.ts";

/** Values of the protocol's enumerations, which live in a package that is loaded late. */
const USER: Message["role"] = 1;
const AGENT: Message["role"] = 2;

const STATES: Readonly<Record<TurnState, TaskStatus["state"]>> = {
  queued: 1,
  running: 2,
  replied: 3,
  suppressed: 3,
  failed: 4,
  dead: 4,
  cancelled: 5,
};

export function stateOf(state: TurnState): TaskStatus["state"] {
  return STATES[state];
}

/** The states of turns that a state of tasks stands for. */
export function turnStatesOf(state: TaskStatus["state"]): readonly TurnState[] {
  return (Object.keys(STATES) as TurnState[]).filter((one) => STATES[one] === state);
}

export const isEnded = (state: TurnState): boolean => state !== "queued" && state !== "running";

/** A turn as a task; its session is the context. */
export async function taskOf(
  face: Face,
  turn: Turn,
  session: Session,
  options: { readonly historyLength?: number | undefined; readonly withArtifacts: boolean },
): Promise<Task> {
  const { stores } = face.deps;
  const { historyLength } = options;
  const ended = isEnded(turn.state);
  const [inbound, reply] = await Promise.all([
    historyLength === 0 ? [] : stores.turns.inbound(turn.id, face.lifetime),
    ended ? replyOf(stores, turn, face.lifetime) : undefined,
  ]);
  const at: Place = { taskId: turn.id, contextId: session.key };
  const history = inbound.map((message) => messageOf(message, at));
  const isAnswered = turn.state === "replied" && reply !== undefined;
  const why = ended && !isAnswered && reply !== undefined ? messageOf(reply, at) : undefined;
  return {
    id: turn.id,
    contextId: session.key,
    status: statusOf(turn.state, turn.finishedAt ?? turn.createdAt, why),
    artifacts: isAnswered && options.withArtifacts ? [replyArtifact(turn.id, replyText(reply.parts))] : [],
    history: historyLength === undefined ? history : history.slice(-historyLength),
    metadata: undefined,
  };
}

interface Place {
  readonly taskId: string;
  readonly contextId: string;
}

export function statusOf(state: TurnState, at: number, message?: Message): TaskStatus {
  return { state: stateOf(state), message, timestamp: new Date(at).toISOString() };
}

/** The reply of a turn; there is one, under the turn's name. */
export function replyArtifact(turnId: string, text: string): Artifact {
  return {
    artifactId: `${turnId}-reply`,
    name: "reply",
    description: "",
    parts: [textPart(text)],
    metadata: undefined,
    extensions: [],
  };
}

/** What Troupe says about a turn, or what an agent said, as a message of the protocol. */
export function noticeOf(text: string, at: Place): Message {
  return {
    messageId: `${at.taskId}-notice`,
    ...at,
    role: AGENT,
    parts: [textPart(text)],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
}

function messageOf(message: KeptMessage, at: Place): Message {
  return {
    ...noticeOf(textOf(message.parts), at),
    messageId: message.id,
    role: message.role === "user" ? USER : AGENT,
  };
}

function replyText(parts: readonly MessagePart[]): string {
  return textOf(parts);
}

function textPart(value: string): Part {
  return { content: { $case: "text", value }, metadata: undefined, filename: "", mediaType: "text/plain" };
}
