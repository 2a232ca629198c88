import { StringDecoder } from "node:string_decoder";

/** Longest line, and longest JSON body, in characters. Real ones hold a token, or one whole tool call. */
const MAX_HELD_CHARACTERS = 4 * 1024 * 1024;

/**
 * Takes a response body apart as it arrives: `data:` fields of an event stream, or, where a server answers plain JSON
 * although a stream was asked for, the whole text. Source: html.spec.whatwg.org/multipage/server-sent-events.html.
 */
export class EventStreamReader {
  /** Decided by the first character that is not white space. */
  kind: "unknown" | "event-stream" | "json" = "unknown";
  /** What is held: the unfinished line, or the JSON text so far. */
  held = "";
  #decoder: StringDecoder | undefined;

  /** Calls `onData` with each whole field of this read, and with "" where an event ends. False: a line is longer than any answer's. */
  read(bytes: Buffer, onData: (payload: string) => void): boolean {
    let text = this.#decode(bytes);
    if (this.kind === "unknown") {
      text = (this.held + text).replace(/^\uFEFF?\s+|^\uFEFF/, "");
      this.held = "";
      if (text === "") return true;
      this.kind = text.startsWith("{") ? "json" : "event-stream";
    }
    if (this.kind === "json") {
      this.held += text;
      return this.held.length <= MAX_HELD_CHARACTERS;
    }
    let start = 0;
    let end = text.indexOf("\n");
    if (end >= 0 && this.held !== "") {
      emitField(this.held + text.slice(0, end), onData);
      this.held = "";
      start = end + 1;
      end = text.indexOf("\n", start);
    }
    for (; end >= 0; start = end + 1, end = text.indexOf("\n", start))
      emitField(text.slice(start, end), onData);
    this.held += start === 0 ? text : text.slice(start);
    return this.held.length <= MAX_HELD_CHARACTERS;
  }

  /** The body has ended: a last line without its line feed counts too. */
  end(onData: (payload: string) => void): void {
    if (this.kind !== "event-stream") return;
    const last = this.held + (this.#decoder?.end() ?? "");
    this.held = "";
    if (last !== "") emitField(last, onData);
  }

  /** A decoder is needed only once a read ends within, or right after, a character of several bytes. */
  #decode(bytes: Buffer): string {
    if (this.#decoder !== undefined) return this.#decoder.write(bytes);
    if ((bytes[bytes.length - 1] ?? 0) < 0x80) return bytes.toString("utf8");
    this.#decoder = new StringDecoder("utf8");
    return this.#decoder.write(bytes);
  }
}

/** Comments (`:`) and other fields (`event:`, `id:`, `retry:`) carry nothing for us. An empty line is told as "". */
function emitField(line: string, onData: (payload: string) => void): void {
  if (!line.startsWith("data:")) {
    if (line === "" || line === "\r") onData("");
    return;
  }
  const from = line.charCodeAt(5) === 32 ? 6 : 5;
  const to = line.charCodeAt(line.length - 1) === 13 ? line.length - 1 : line.length;
  if (to > from) onData(line.slice(from, to));
}
