import { type Audience, type Author, EVERYONE, MAX_AUTHOR_NAME } from "@troupe/contracts";

const NUL = String.fromCharCode(0);

/**
 * A name as it is kept. One with a NUL or half a letter in it, as any client may send, is an error for some databases;
 * either becomes a letter that nothing can show, when kept and when asked for.
 */
export function keptName(name: string): string {
  return name.toWellFormed().replaceAll(NUL, "\ufffd");
}

/** What audiences call a peer of a channel: names of one platform mean nothing on another. */
export function peerNameOn(channelId: string, name: string): string {
  return `${channelId}/${name}`;
}

/**
 * Who wrote a message, as it is kept: undefined where one person alone reads, and for somebody who does not read it. The name is what
 * a stranger chose, so it is one short line without the brackets in which prompts show it.
 */
export function keptAuthor(author: Author | undefined, audience: Audience): Author | undefined {
  if (author === undefined || audience.length < 2 || !audience.includes(author.peerId)) return undefined;
  const name = shownNameOf(author.name);
  return name === undefined ? { peerId: author.peerId } : { peerId: author.peerId, name };
}

/** A name as a channel shows it, on one short line; undefined where nothing is left of it. */
export function shownNameOf(name: string | undefined): string | undefined {
  const line = keptName(name ?? "")
    .replace(/[\p{Cc}\p{Cf}\s[\]]+/gu, " ")
    .trim()
    .slice(0, MAX_AUTHOR_NAME)
    .toWellFormed()
    .trim();
  return line === "" ? undefined : line;
}

/** What to call an author: as their channel shows them, else the name that audiences have. */
export function calledOf({ peerId, name }: Author): string {
  return name ?? shownNameOf(peerId.slice(peerId.indexOf("/") + 1)) ?? peerId;
}

/** A message as models see it, with its author before it where there is one. */
export function withAuthor(text: string, author: Author | undefined): string {
  return author === undefined ? text : `[${calledOf(author)}] ${text}`;
}

/** The same without whoever stands before it. */
export function withoutAuthor(text: string): string {
  return text.replace(AUTHOR, "");
}

const AUTHOR = /^\[[^\]\n]{1,64}\] /;

/** Whether everyone who will read knows it. Where nobody reads, nobody may be told. */
export function isKnownToAll(audience: Audience, readers: Audience): boolean {
  if (readers.length === 0) return false;
  return isEveryone(audience) || readers.every((reader) => audience.includes(reader));
}

/** Whether somebody who has all these names knows it by one of them. */
export function isKnownToAny(audience: Audience, names: readonly string[]): boolean {
  return names.some((name) => isKnownToAll(audience, [name]));
}

/** Whether whoever talks with the agent may be told. */
export function isEveryone(audience: Audience): boolean {
  return audience.length === 1 && audience[0] === EVERYONE;
}

/**
 * Who may be told what is made from several records: those who know all of them, sorted. Undefined where nobody does, or
 * where it is made from nothing: it must not be kept.
 */
export function sharedAudience(audiences: readonly Audience[]): Audience | undefined {
  const named = audiences.filter((audience) => !isEveryone(audience));
  // What is made from what everybody may be told alone is theirs too.
  const [first = audiences[0] ?? [], ...others] = named;
  const shared = first.filter((peer) => others.every((audience) => audience.includes(peer)));
  return shared.length === 0 ? undefined : shared.toSorted();
}
