import type { Language } from "../../kit/index.ts";

/** How people send the guide to other agents. A phrase stands at the beginning of a clause, a name behind it. */
export interface AgentPhrases {
  readonly ask: readonly string[];
  readonly tell: readonly string[];
  /** Between names. */
  readonly and: readonly string[];
  /** Between a name and what it is asked to do; and what it is told to do or to know. */
  readonly askTo: readonly string[];
  readonly to: readonly string[];
  readonly whether: readonly string[];
  readonly about: readonly string[];
  /** What is asked about something, `{text}`. */
  readonly aboutQuestion: string;
  /** Stand where a name would, and are none. */
  readonly notNames: readonly string[];
  readonly list: readonly string[];
  readonly handOff: readonly string[];
  /** What the next agent is told. */
  readonly handOffNote: string;
  readonly back: readonly string[];
  /** Before answers of agents that are told later; they are told on as they are. */
  readonly answers: RegExp;
}

export const AGENT_PHRASES: Readonly<Record<Language, AgentPhrases>> = {
  en: {
    ask: ["ask"],
    tell: ["tell", "message", "write to", "send a message to", "let"],
    and: ["and"],
    askTo: ["to"],
    to: ["to", "that", "know that", "know"],
    whether: ["if", "whether"],
    about: ["about"],
    aboutQuestion: "what do you know about {text}?",
    notNames: [
      ...["me", "us", "you", "them", "it", "him", "her", "the", "a", "an", "my", "your", "yourself", "for"],
      ...[
        "if",
        "about",
        "again",
        "something",
        "anything",
        "somebody",
        "someone",
        "people",
        "jokes",
        "stories",
      ],
      ...["what", "why", "who", "when", "where", "how", "which", "please", "this", "that", "to", "and", "is"],
    ],
    list: [
      ...[
        "list agents",
        "list the agents",
        "list all agents",
        "which agents",
        "what agents",
        "who can you ask",
      ],
      ...["who else is here", "show agents", "show the agents"],
    ],
    handOff: [
      ...[
        "hand me over to",
        "hand me to",
        "hand over to",
        "hand this over to",
        "pass me to",
        "pass me on to",
      ],
      ...["let me talk to", "let me talk with", "let me speak to", "let me speak with", "connect me with"],
      ...["connect me to", "i want to talk to", "i want to talk with", "i would like to talk to"],
    ],
    handOffNote: "The person asked to talk with you.",
    back: ["hand me back", "take me back", "bring me back", "go back to the other agent"],
    answers: /^(?:Answer|No answer) from /,
  },
  uk: {
    ask: ["спитай у", "спитай", "запитай у", "запитай", "спитайте", "запитайте", "спитайте у", "запитайте у"],
    tell: ["скажи", "скажіть", "передай", "передайте", "напиши", "напишіть", "напиши агенту"],
    and: ["і", "й", "та"],
    askTo: ["щоб"],
    to: ["щоб", "що"],
    whether: ["чи"],
    about: ["про"],
    aboutQuestion: "що ти знаєш про {text}?",
    notNames: [
      ...["мені", "нам", "мене", "собі", "це", "все", "ще", "про", "чи", "що", "щоб", "як", "чому", "хто"],
      ...["коли", "де", "який", "яка", "які", "котра", "скільки", "будь", "їм", "йому", "їй", "когось"],
    ],
    list: [
      "список агентів",
      "перелік агентів",
      "покажи агентів",
      "які є агенти",
      "які агенти",
      "хто ще тут є",
    ],
    handOff: [
      ...["передай мене", "передайте мене", "передай розмову", "з'єднай мене з", "з'єднайте мене з"],
      ...["хочу поговорити з", "хочу говорити з", "дай поговорити з", "переведи мене на"],
    ],
    handOffNote: "Людина попросила поговорити з вами.",
    back: ["поверни мене", "поверніть мене", "поверни розмову"],
    answers: /^(?:Відповідь|Немає відповіді) від /,
  },
};
