// What somebody with a key reads by a WebSocket that comes back, and by tasks of A2A.
import { ask, secretKeyOf } from "./faces.ts";
import { foreignOf, ownOf, some, type Walk } from "./walk.ts";

const MOST = 5;
const WITHIN_MS = 10_000;

interface Frame {
  readonly type: string;
  readonly id?: string;
}

/** Asks for all that was said in conversations and turns, one's own and others'. */
export async function walkSocket(walk: Walk): Promise<void> {
  const { holder, truth, at, troubles, count } = walk;
  const sessions = {
    own: some(walk, ownOf(walk, "session"), MOST),
    foreign: some(walk, foreignOf(walk, "session"), MOST),
  };
  const turns = {
    own: some(walk, ownOf(walk, "turn"), MOST),
    foreign: some(walk, foreignOf(walk, "turn"), MOST),
  };
  const listening = await walk.faces.listen();
  const asked = [
    ...[...sessions.own, ...sessions.foreign].map(({ id }) => ({
      type: "subscribe",
      session: id,
      after: 0,
      id: `s ${id}`,
    })),
    ...[...turns.own, ...turns.foreign].map(({ id }) => ({ type: "watch", turn: id, id: `t ${id}` })),
    { type: "listen", id: "news" },
  ];
  const mine = new Set([
    "news",
    ...sessions.own.map(({ id }) => `s ${id}`),
    ...turns.own.map(({ id }) => `t ${id}`),
  ]);
  try {
    for (const { frame, text } of await framesOf(listening.address, holder.keyId, asked)) {
      truth.lookAsOne(text, holder.people, `a frame ${frame.type} of ${holder.keyId}`, at);
      count("frames of sockets");
      const isAnswer = asked.some(({ id }) => id === frame.id);
      if (isAnswer && (frame.type === "error") === mine.has(frame.id ?? ""))
        troubles.push(`${holder.keyId} was told ${text.slice(0, 200)} over its socket.`);
    }
  } finally {
    await listening.close({ graceMs: 0 });
  }
}

/** Sends them, and resolves with all frames up to the last one's answer. */
function framesOf(
  address: string,
  keyId: string,
  asked: readonly { readonly id: string }[],
): Promise<readonly { readonly frame: Frame; readonly text: string }[]> {
  const { promise, resolve, reject } = Promise.withResolvers<{ frame: Frame; text: string }[]>();
  const heard: { frame: Frame; text: string }[] = [];
  const open = new Set(asked.map(({ id }) => id));
  const socket = new WebSocket(`${address.replace("http", "ws")}/ws`);
  const late = setTimeout(
    () => reject(new Error(`A socket left ${open.size} frames unanswered.`)),
    WITHIN_MS,
  );
  socket.addEventListener("open", () =>
    socket.send(JSON.stringify({ type: "hello", key: secretKeyOf(keyId) })),
  );
  socket.addEventListener("error", () => reject(new Error("A socket could not be opened.")));
  socket.addEventListener("message", ({ data }) => {
    const text = String(data);
    const frame = JSON.parse(text) as Frame;
    heard.push({ frame, text });
    if (frame.type === "welcome") for (const one of asked) socket.send(JSON.stringify(one));
    if (frame.id !== undefined) open.delete(frame.id);
    if (open.size > 0) return;
    clearTimeout(late);
    socket.addEventListener("close", () => resolve(heard));
    socket.close();
  });
  return promise;
}

/** Tasks by their ids, and the list of them, in both versions of the protocol. */
export async function walkTasks(walk: Walk): Promise<void> {
  const { holder, truth, at, troubles, count } = walk;
  const isOwn = new Set(ownOf(walk, "turn").map(({ id }) => id));
  const ids = [...some(walk, ownOf(walk, "turn"), MOST), ...some(walk, foreignOf(walk, "turn"), MOST)].map(
    ({ id }) => id,
  );
  for (const agentId of ["ana", "bob"]) {
    const call = async (
      version: string,
      method: string,
      params: object,
    ): Promise<{ readonly result?: object }> => {
      const body = { jsonrpc: "2.0", id: 1, method, params };
      const headers = { "a2a-version": version };
      const text = await (
        await ask(walk.faces, holder.keyId, "POST", `/a2a/${agentId}`, { body, headers })
      ).text();
      count("tasks asked for");
      truth.lookAsOne(text, holder.people, `${method} of ${holder.keyId}`, at);
      return JSON.parse(text.startsWith("data: ") ? text.slice(6, text.indexOf("\n")) : text);
    };
    await call("1.0", "ListTasks", { historyLength: 20, includeArtifacts: true });
    for (const id of ids)
      for (const [version, method] of [
        ["1.0", "GetTask"],
        ["0.3", "tasks/get"],
        ["1.0", "SubscribeToTask"],
        ["1.0", "CancelTask"],
      ] as const) {
        const { result } = await call(version, method, { id });
        if (result !== undefined && !isOwn.has(id))
          troubles.push(`${holder.keyId} was answered to ${method} of another's task.`);
      }
  }
}
