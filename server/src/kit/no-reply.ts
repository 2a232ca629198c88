/** What an agent that may say nothing answers then, alone. Source: feature NG-015. */
export const NO_REPLY = "NO_REPLY";

/** Models put it in quotation marks, in emphasis, or end it as a sentence. */
const AROUND = /^[\s"'`*.]+|[\s"'`*.]+$/g;

export function isNoReply(text: string): boolean {
  return text.replace(AROUND, "") === NO_REPLY;
}

/** Whether a text that is still being written may turn out to be nothing. */
export function mayBecomeNoReply(text: string): boolean {
  return NO_REPLY.startsWith(text.replace(AROUND, ""));
}
