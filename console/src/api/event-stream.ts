/** One event of a stream. Source: html.spec.whatwg.org/multipage/server-sent-events.html. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** Troupe sends a comment every 15 seconds; a line without any for three times as long is dead, say after a laptop slept. */
const LONGEST_SILENCE_MS = 45_000;

/**
 * Reads server-sent events as they come. What follows the last empty line is no event: the line broke off. A line that is
 * silent for `silenceMs` counts as broken, too.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number = LONGEST_SILENCE_MS,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  const readInTime = async (): ReturnType<typeof reader.read> => {
    // Cancelling ends the read that waits.
    const timer = setTimeout(() => void reader.cancel().catch(() => undefined), silenceMs);
    try {
      return await reader.read();
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    for (;;) {
      const { done, value } = await readInTime();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = eventOf(block);
        if (event !== undefined) yield event;
      }
    }
  } finally {
    // Whoever stops reading wants no more of it; an error of the cancelled stream is nobody's.
    reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): StreamEvent | undefined {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length === 0 ? undefined : { event, data: data.join("\n") };
}
