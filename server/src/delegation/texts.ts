import type { AgentDirectory } from "@troupe/contracts";
import type { Part } from "./progress.ts";

/** Of all answers together, and of each however many there are. */
const MOST_TOLD_BYTES = 128 * 1024;
const LEAST_TOLD_BYTES = 4 * 1024;

const EN = {
  unknown: 'There is no agent "{agent}" that you may reach. {known}',
  known: "You may reach: {agents}.",
  "known.none": "You may reach nobody: your blueprint and theirs decide (delegates, acceptsFrom).",
  depth: "Not asked: delegations within one another end at {max}. Answer with what you have.",
  hops: "Not sent: this chain has had {max} turns already, which is the most. Answer with what you have.",
  large: "The message is longer than {max} bytes. Send less, or a summary.",
  asked:
    "{agents} was asked. The answer comes into this conversation as a message of its own; do not ask again.",
  "asked.many":
    "{agents} were asked. The answers come into this conversation together as one message; do not ask again.",
  late: "No answer yet after {seconds} s. It comes into this conversation as a message of its own; do not ask again.",
  "late.gone": "No answer after {seconds} s, and nobody can be told later here. What is there so far:",
  answer: "Answer from {agent}:\n{text}",
  noAnswer: "No answer from {agent}: {reason}",
  "noAnswer.yet": "No answer from {agent} yet.",
  enough: "not needed any more, enough others had answered",
  guard: "{one} and {other} have activated each other {max} times in {minutes} minutes, which is the most",
  left: "{agent} has left the channel",
  gone: "there is no agent {agent} any more",
  "refused.reach": "{agent} does not accept messages from {from}",
  stopped: "it was stopped",
  noWords: "it chose not to answer",
  poison: "its turns failed {attempts} times: {reason}",
  "notice.suppressed": "A message of {from} to {to} was not delivered: {reason}.",
  "notice.answers": "These answers came, and {agent} is not told of them: {reason}.\n\n{text}",
  "notice.hops": "the chain has had {max} turns already",
  sent: "Sent to {agent}. What comes of it is told to the person by {agent}, or comes here as a message.",
  posted: "Posted to {channel}; it activates {agents}.",
  "posted.nobody": "Posted to {channel}; it activates nobody: mention an agent with @id, or @everyone.",
  "posted.notThese":
    "It does not activate {agents}: your blueprint and theirs decide that (delegates, acceptsFrom).",
  circular: "Not asked: {agent} waits for your answer just now. Answer with what you have.",
  "channel.unknown": "There is no channel {channel} that you are in and that this conversation may use.",
  "channel.made": "Made the channel {name} ({id}) with {agents}.",
  "channel.left": "Left {channel}.",
  "channel.none": "You are in no channel here.",
  "channel.empty": "Nothing has been said there yet.",
  handed: "From the next message on {agent} answers in this conversation; /back brings {from} back.",
  "handed.notice": "{from} handed this conversation to {agent}. /back brings {from} back.",
  "handed.back": "From the next message on {agent} answers in this conversation again.",
  "handed.backNotice": "This conversation is with {agent} again.",
  "handed.not": "This conversation is with {agent} already.",
  "handed.notHere": "Only a conversation with a person can be handed over, and only one that is kept.",
  "stop.done": "Stopped: {count} under way.",
  "stop.nothing": "Nothing else is under way for this conversation.",
  "agents.none": "There is no agent that you may reach.",
  "agents.noneFound": "No agent that you may reach fits that. {known}",
} as const;

export type DelegationText = keyof typeof EN;

const UK: Readonly<Record<DelegationText, string>> = {
  unknown: "Немає агента «{agent}», до якого ви можете звернутися. {known}",
  known: "Ви можете звернутися до: {agents}.",
  "known.none": "Ви не можете звернутися ні до кого: це вирішують ваш опис і їхні (delegates, acceptsFrom).",
  depth: "Не запитано: доручення одне в одному закінчуються на {max}. Відповідайте тим, що маєте.",
  hops: "Не надіслано: у цьому ланцюжку вже {max} ходів, більше не можна. Відповідайте тим, що маєте.",
  large: "Повідомлення довше за {max} байтів. Надішліть менше або підсумок.",
  asked: "Запитано: {agents}. Відповідь прийде в цю розмову окремим повідомленням; не питайте ще раз.",
  "asked.many":
    "Запитано: {agents}. Відповіді прийдуть у цю розмову разом одним повідомленням; не питайте ще раз.",
  late: "Відповіді ще немає за {seconds} с. Вона прийде в цю розмову окремим повідомленням; не питайте ще раз.",
  "late.gone": "Немає відповіді за {seconds} с, а пізніше тут нікому її передати. Ось що є досі:",
  answer: "Відповідь від {agent}:\n{text}",
  noAnswer: "Немає відповіді від {agent}: {reason}",
  "noAnswer.yet": "Від {agent} ще немає відповіді.",
  enough: "більше не потрібно, інших відповідей вистачило",
  guard: "{one} і {other} вже {max} разів зверталися одне до одного за {minutes} хв, більше не можна",
  left: "{agent} вже не в каналі",
  gone: "агента {agent} більше немає",
  "refused.reach": "{agent} не приймає повідомлень від {from}",
  stopped: "це зупинено",
  noWords: "вирішено не відповідати",
  poison: "ходи не вдалися {attempts} разів: {reason}",
  "notice.suppressed": "Повідомлення від {from} до {to} не доставлено: {reason}.",
  "notice.answers": "Ці відповіді прийшли, але {agent} їх не отримує: {reason}.\n\n{text}",
  "notice.hops": "у ланцюжку вже {max} ходів",
  sent: "Надіслано: {agent}. Про наслідок людині скаже {agent}, або він прийде сюди повідомленням.",
  posted: "Написано в {channel}; це активує: {agents}.",
  "posted.nobody": "Написано в {channel}; це нікого не активує: згадайте агента через @id або @everyone.",
  "posted.notThese": "Це не активує {agents}: так вирішують ваш опис і їхні (delegates, acceptsFrom).",
  circular: "Не запитано: {agent} саме чекає на вашу відповідь. Відповідайте тим, що маєте.",
  "channel.unknown": "Немає каналу {channel}, у якому ви є і який може бачити ця розмова.",
  "channel.made": "Створено канал {name} ({id}): {agents}.",
  "channel.left": "Ви вийшли з {channel}.",
  "channel.none": "Тут ви не в жодному каналі.",
  "channel.empty": "Там ще нічого не сказано.",
  handed: "З наступного повідомлення в цій розмові відповідає {agent}; /назад повертає: {from}.",
  "handed.notice": "{from} передає цю розмову. Далі відповідає {agent}; /назад повертає: {from}.",
  "handed.back": "З наступного повідомлення в цій розмові знову відповідає {agent}.",
  "handed.backNotice": "Цю розмову знову веде {agent}.",
  "handed.not": "Цю розмову вже веде {agent}.",
  "handed.notHere": "Передати можна лише розмову з людиною, і лише таку, що зберігається.",
  "stop.done": "Зупинено: {count} у роботі.",
  "stop.nothing": "Більше нічого для цієї розмови не виконується.",
  "agents.none": "Немає агента, до якого ви можете звернутися.",
  "agents.noneFound": "Жоден агент, до якого ви можете звернутися, не підходить. {known}",
};

export function tell(
  language: string,
  key: DelegationText,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const texts: Readonly<Record<DelegationText, string>> = language.startsWith("uk") ? UK : EN;
  return texts[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** `Kate`, or the id of an agent that is gone. */
export function nameOf(agents: AgentDirectory, spaceId: string, agentId: string): string {
  return agents.get(spaceId, agentId)?.spec.name ?? agentId;
}

/** At most `bytes` of UTF-8, with a mark where something is missing. */
export function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const most = Buffer.from(text)
    .subarray(0, bytes - 8)
    .toString("utf8");
  return `${most.replace(/\uFFFD+$/, "")} …`;
}

/** What those asked have answered, one after the other, and who has not and why. */
export function answersText(
  agents: AgentDirectory,
  spaceId: string,
  parts: readonly Part[],
  language: string,
): string {
  const share = Math.max(LEAST_TOLD_BYTES, Math.floor(MOST_TOLD_BYTES / Math.max(1, parts.length)));
  return parts
    .map(({ delivery, answer }) => {
      const agent = nameOf(agents, spaceId, delivery.to);
      if (answer !== undefined) return tell(language, "answer", { agent, text: cut(answer.text, share) });
      const { state, reason } = delivery;
      if (state === "waiting" || state === "activated") return tell(language, "noAnswer.yet", { agent });
      const why = (reason ?? tell(language, state === "cancelled" ? "stopped" : "noWords")).replace(
        /[.!?]$/,
        "",
      );
      return `${tell(language, "noAnswer", { agent, reason: why })}.`;
    })
    .join("\n\n");
}
