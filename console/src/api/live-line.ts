export interface LiveLine {
  /** Finds out whether the line is alive; a dead one is opened anew. */
  check(): void;
  close(): void;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const LISTEN = JSON.stringify({ type: "listen", id: "page" });
const PING = JSON.stringify({ type: "ping" });

/**
 * The WebSocket over which Troupe says that something was kept in a conversation. It comes back by itself; while it is down
 * nothing is lost, since whoever listens looks by itself, too: more often then. `onOpen` is called each time it is up.
 */
export function openLiveLine(listener: {
  readonly onChanged: () => void;
  /** Something came into the inbox, or was read or removed there. */
  readonly onInbox: () => void;
  readonly onOpen: (isOpen: boolean) => void;
}): LiveLine {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let isOver = false;
  let isUp = false;
  let awaitsPong = false;

  const down = (which: WebSocket): void => {
    if (socket !== which) return;
    socket = undefined;
    which.close();
    if (isUp) listener.onOpen(false);
    isUp = false;
    if (isOver) return;
    timer = setTimeout(open, pauseMs * (0.75 + Math.random() / 2));
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  };
  const open = (): void => {
    clearTimeout(timer);
    const own = new WebSocket(new URL("/ws", location.href.replace(/^http/, "ws")));
    socket = own;
    awaitsPong = false;
    own.onopen = () => own.send(LISTEN);
    own.onclose = () => down(own);
    own.onmessage = ({ data }) => {
      awaitsPong = false;
      const { type } = JSON.parse(String(data)) as { readonly type: string };
      if (type === "changed") listener.onChanged();
      if (type === "inbox") listener.onInbox();
      if (type !== "listening") return;
      pauseMs = FIRST_PAUSE_MS;
      isUp = true;
      listener.onOpen(true);
    };
  };
  open();
  return {
    check() {
      if (socket === undefined) open();
      else if (awaitsPong) down(socket);
      else if (socket.readyState === WebSocket.OPEN) {
        awaitsPong = true;
        socket.send(PING);
      }
    },
    close() {
      isOver = true;
      clearTimeout(timer);
      if (socket !== undefined) down(socket);
    },
  };
}
