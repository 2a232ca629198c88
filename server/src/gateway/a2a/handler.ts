import type {
  CancelTaskRequest,
  GetTaskRequest,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
} from "@a2a-js/sdk";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import type { InboundMessage, Session, Turn } from "@troupe/contracts";
import { sessionIdFrom } from "../../kit/index.ts";
import { type Call, onDisconnect } from "../call.ts";
import { enterTurn, readersOf, requestHashOf, type Waiting } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { TurnOutcome, type TurnSink } from "../turn-follower.ts";
import { isOperator, visibleTurn } from "../turn-record.ts";
import { partsOf } from "./message.ts";
import type { Sdk } from "./sdk.ts";
import { TaskEvents } from "./task-events.ts";
import { isEnded, taskOf, turnStatesOf } from "./tasks.ts";

type Unused =
  | "getAgentCard"
  | "getAuthenticatedExtendedAgentCard"
  | "createTaskPushNotificationConfig"
  | "getTaskPushNotificationConfig"
  | "listTaskPushNotificationConfigs"
  | "deleteTaskPushNotificationConfig";

const LONGEST_NAME = 200;
const DEFAULT_PAGE = 50;
const MOST_PER_PAGE = 100;
/** A turn that is asked to stop does so at its next breath; a tool may hold it a little. */
const CANCEL_WITHIN_MS = 5_000;

/** One agent for one caller: tasks are turns, contexts are sessions. Nothing of it outlives the request. */
export class TaskHandler implements Omit<A2ARequestHandler, Unused> {
  readonly #face: Face;
  readonly #sdk: Sdk;
  readonly #call: Call;
  readonly #agentId: string;

  constructor(face: Face, sdk: Sdk, call: Call, agentId: string) {
    this.#face = face;
    this.#sdk = sdk;
    this.#call = call;
    this.#agentId = agentId;
  }

  async sendMessage(request: SendMessageRequest): Promise<Task> {
    const inbound = await this.#inboundOf(request);
    const waiting = await enterTurn(this.#face, this.#call.principal, inbound, () => new TurnOutcome());
    const { configuration } = request;
    if (configuration?.returnImmediately === true) waiting.letGo();
    else await this.#wait(waiting);
    return this.#task(waiting.entered.turnId, configuration?.historyLength);
  }

  async *sendMessageStream(request: SendMessageRequest): AsyncGenerator<StreamResponse, void, undefined> {
    const inbound = await this.#inboundOf(request);
    const make = (): TaskEvents => new TaskEvents(() => this.#face.deps.clock.now());
    const waiting = await enterTurn(this.#face, this.#call.principal, inbound, make);
    try {
      const task = await this.#task(waiting.entered.turnId, request.configuration?.historyLength);
      yield { payload: { $case: "task", value: { ...task, artifacts: [] } } };
      waiting.begin();
      yield* waiting.sink.updates(task.id, task.contextId);
    } finally {
      waiting.letGo();
    }
  }

  async *resubscribe({ id }: SubscribeToTaskRequest): AsyncGenerator<StreamResponse, void, undefined> {
    const { turn, session } = await this.#find(id);
    if (isEnded(turn.state)) {
      throw new this.#sdk.errors.UnsupportedOperationError(`Task ${id} has ended. GetTask tells its reply.`);
    }
    const events = new TaskEvents(() => this.#face.deps.clock.now());
    const follower = this.#face.follower(events);
    // Listens first and reads then: an end that falls in between is in the record.
    using _ = this.#face.deps.feed.subscribe(turn.id, follower.listener);
    try {
      follower.follow(turn.id);
      await follower.look();
      const task = await taskOf(this.#face, turn, session, { withArtifacts: false });
      yield { payload: { $case: "task", value: task } };
      yield* events.updates(turn.id, session.key);
    } finally {
      follower.stop();
    }
  }

  getTask({ id, historyLength }: GetTaskRequest): Promise<Task> {
    return this.#task(id, historyLength);
  }

  async cancelTask({ id }: CancelTaskRequest): Promise<Task> {
    const { turn } = await this.#find(id);
    const { principal } = this.#call;
    const outcome = new TurnOutcome();
    const follower = this.#face.follower(outcome);
    using _ = this.#face.deps.feed.subscribe(turn.id, follower.listener);
    follower.follow(turn.id);
    try {
      const reason = `asked for by ${principal.kind} ${principal.id}`;
      const { kind } = await this.#face.deps.control.cancel(
        turn.id,
        { reason, tree: true },
        this.#face.lifetime,
      );
      if (kind === "ended") throw new this.#sdk.errors.TaskNotCancelableError(`Task ${id} has ended.`);
      if (kind === "requested") {
        using _late = this.#face.deps.clock.schedule(CANCEL_WITHIN_MS, () => outcome.abandoned());
        await outcome.end;
      }
    } finally {
      follower.stop();
    }
    return this.#task(id, undefined);
  }

  async listTasks(request: ListTasksRequest): Promise<ListTasksResponse> {
    const { principal } = this.#call;
    const pageSize = Math.min(MOST_PER_PAGE, this.#count(request.pageSize, "pageSize") || DEFAULT_PAGE);
    const states = request.status === 0 ? undefined : turnStatesOf(request.status);
    const page = await this.#face.deps.stores.turns.list(
      {
        spaceId: principal.spaceId,
        limit: pageSize,
        ...(request.pageToken === "" ? {} : { cursor: request.pageToken }),
        ...(isOperator(principal) ? {} : { ownerId: principal.id }),
        ...(request.contextId === "" ? {} : { sessionId: this.#sessionIdOf(request.contextId) }),
        ...(states === undefined ? {} : { states }),
      },
      this.#face.lifetime,
    );
    const options = {
      historyLength: this.#count(request.historyLength, "historyLength") ?? 0,
      withArtifacts: request.includeArtifacts === true,
    };
    const found = await Promise.all(
      page.items.map(async (turn) => ({ turn, session: await this.#sessionOf(turn) })),
    );
    const own = found.filter(({ session }) => session.agentId === this.#agentId);
    const tasks = await Promise.all(
      own.map(({ turn, session }) => taskOf(this.#face, turn, session, options)),
    );
    // What follows is not counted: that would read all of it.
    return { tasks, nextPageToken: page.next ?? "", pageSize, totalSize: tasks.length };
  }

  async #inboundOf({ message, configuration }: SendMessageRequest): Promise<Omit<InboundMessage, "watch">> {
    const { errors } = this.#sdk;
    if (message === undefined) throw new errors.RequestMalformedError("The request holds no message.");
    if (configuration?.taskPushNotificationConfig !== undefined) {
      throw new errors.PushNotificationNotSupportedError(
        "Troupe calls nobody back; stream, or ask for the task.",
      );
    }
    const { messageId } = message;
    if (messageId === "" || messageId.length > LONGEST_NAME || message.contextId.length > LONGEST_NAME) {
      throw new errors.RequestMalformedError(
        `messageId must have 1 to ${LONGEST_NAME} characters, and contextId at most as many.`,
      );
    }
    const { principal } = this.#call;
    const { key, isRunning } = await this.#placeOf(message);
    const hashed = `a2a\n${this.#agentId}\n${message.contextId}\n${JSON.stringify(message.parts)}`;
    return {
      agentId: this.#agentId,
      channel: this.#face.channel,
      sessionKey: key,
      peerId: principal.id,
      audience: readersOf(principal, principal.id),
      parts: await partsOf(this.#face, principal, this.#sdk, message),
      trigger: "agent",
      lane: "realtime",
      platformId: messageId,
      requestHash: requestHashOf(principal, message.contextId, hashed),
      debounceMs: 0,
      receivedAt: this.#face.deps.clock.now(),
      // A message to a task that runs is meant for that task.
      ...(isRunning ? { whileBusy: "steer" } : {}),
    };
  }

  /** The conversation that a message belongs to: its task's, the one it names, or a new one. */
  async #placeOf({
    taskId,
    contextId,
  }: Message): Promise<{ readonly key: string; readonly isRunning: boolean }> {
    const { errors } = this.#sdk;
    if (taskId === "")
      return { key: contextId === "" ? this.#face.deps.ids.next() : contextId, isRunning: false };
    const { turn, session } = await this.#find(taskId);
    if (contextId !== "" && contextId !== session.key) {
      throw new errors.RequestMalformedError(`Task ${taskId} belongs to another context.`);
    }
    if (!isEnded(turn.state)) return { key: session.key, isRunning: true };
    throw new errors.UnsupportedOperationError(
      `Task ${taskId} has ended. Leave taskId out, and name contextId "${session.key}" to go on with the conversation.`,
    );
  }

  async #wait(waiting: Waiting<TurnOutcome>): Promise<void> {
    using _ = onDisconnect(this.#call, () => this.#leave(waiting));
    waiting.begin();
    await waiting.sink.end;
    waiting.done();
  }

  #leave(waiting: Waiting<TurnSink>): void {
    waiting.left();
    waiting.sink.abandoned();
  }

  async #task(id: string, historyLength: number | undefined): Promise<Task> {
    const length = this.#count(historyLength, "historyLength");
    const { turn, session } = await this.#find(id);
    return taskOf(this.#face, turn, session, { historyLength: length, withArtifacts: true });
  }

  /** The package reads whatever a client sends as a number. */
  #count(value: number | undefined, field: string): number | undefined {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
    throw new this.#sdk.errors.RequestMalformedError(`${field} must be a whole number of at least 0.`);
  }

  async #find(id: string): Promise<{ readonly turn: Turn; readonly session: Session }> {
    // Version 0.3 is passed on unread.
    if (typeof id !== "string" || id === "") {
      throw new this.#sdk.errors.RequestMalformedError("The request names no task by its id.");
    }
    const found = await visibleTurn(this.#face.deps.stores, id, this.#call.principal, this.#face.lifetime);
    // Another agent answers in a conversation that was handed to it; the task stays one of the agent that was asked.
    if (found.session.agentId === this.#agentId) return found;
    throw new this.#sdk.errors.TaskNotFoundError(`There is no task "${id.slice(0, 64)}" of this agent.`);
  }

  async #sessionOf(turn: Turn): Promise<Session> {
    return (await visibleTurn(this.#face.deps.stores, turn.id, this.#call.principal, this.#face.lifetime))
      .session;
  }

  #sessionIdOf(key: string): string {
    const { principal } = this.#call;
    return sessionIdFrom({
      spaceId: principal.spaceId,
      agentId: this.#agentId,
      channel: this.#face.channel,
      ownerId: principal.id,
      peerId: principal.id,
      key,
    });
  }
}
