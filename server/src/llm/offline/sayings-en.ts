import type { SayingsTable } from "./phrases.ts";

/** What the guide says in English. */
export const englishSayings: SayingsTable = {
  sayings: {
    greeting: "Hello! {self} I can do small things without one. {proposals}",
    greetingAgain: "Hello!",
    help: "{self} This is what I can do: {list}. To talk about anything else, connect a language model: add it under providers and models in troupe.yaml; the README shows how.",
    thanks: "You are welcome.",
    wellbeing: "All is well here, thank you.",
    farewell: "Goodbye! Our conversation is kept.",
    about:
      "{self} I follow a few rules and call the real tools of this system; I understand plain requests only. To connect a language model, add it under providers and models in troupe.yaml; the README shows how.",
    connect:
      'Add the model\'s server under providers in troupe.yaml, put "provider/model" first in the list models.default, and start Troupe again. The README shows an example for a local server and for one with a key.',
    stop: "All right. If something is still under way for you, /stop ends it.",
    later:
      "I cannot do that in this version: forgetting is not there yet. I can keep it as a note if you write “remember that …”.",
    remindWhat:
      "What should I remind you of, and when? Write, for example: remind me in 10 minutes to stretch.",
    remindWhen: "When should I remind you? Write, for example: remind me tomorrow at 9 to call mum.",
    scheduleWhat:
      "What should I do, and when? Write, for example: every Monday at 8 write a summary of the week.",
    whichJob:
      "Which one? “List my reminders” shows them with numbers; then write, for example: cancel reminder 1.",
    rememberWhat: "What should I remember? Write, for example: remember that my cat is called Mia.",
    found: "You told me: “{text}”.",
    foundIn: "“{document}” says: “{text}”.",
    foundClose: "The closest that I know is: “{text}”.",
    foundNothing:
      "I found nothing about that in what you told me. I am an offline guide, not a language model, so I know only what was said here.",
    toolMissing: "I would need the tool “{tool}” for that, and this agent may not use it.",
    agentsMissing:
      "I may not reach other agents here. My file says whom I may ask (delegates), and theirs from whom they take it (acceptsFrom).",
    toolFailed: "That did not work: {text}",
    statement:
      "I have no rule for that: I am an offline guide, not a language model. If I should keep it, write “remember that …”; “help” says what I can do.",
    files:
      "I cannot look at files: I am an offline guide, not a language model. Yours is kept in this conversation.",
    unclear:
      "I did not understand that. I am an offline guide, not a language model; “help” says what I can do.",
    default: "{self} I did not understand that. {proposals}",
  },
  self: {
    named: "I am {name}, answering through the offline guide: a small set of rules, not a language model.",
    nameless: "I am the offline guide: a small set of rules, not a language model.",
  },
  noTools: "greet you and look through this conversation, for this agent may use none of the tools I know",
  tryThese: "Try: {list}.",
  summary: { began: "Began with: ", latest: "Then: " },
  quotes: ["“", "”"],
  proposals: {
    remember: "remember that my cat is called Mia",
    recall: "what is my cat called?",
    list_sessions: "list my conversations",
    time: "what time is it in Kyiv?",
    dice: "roll 2d6",
    calculator: "calculate 12 * (3 + 4)",
    remind_me: "remind me in one minute to stretch",
    job_create: "every Monday at 8 tell me the time",
    job_list: "list my reminders",
  },
};
