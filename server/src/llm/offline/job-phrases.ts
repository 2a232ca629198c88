/** What a person may want done with a job that is there. */
export type JobAction = "cancel" | "pause" | "resume";

/** Words of reminders and schedules in one language; read as those of `PhraseTable`. */
export interface JobPhrases {
  readonly remind: readonly string[];
  /** Reminders with a text of their own. */
  readonly alarms: readonly {
    readonly phrases: readonly string[];
    /** Said where nothing else is. */
    readonly text: string;
    /** Words before the time, and those that they are read as. */
    readonly leads: { readonly words: readonly string[]; readonly read: readonly string[] };
  }[];
  readonly schedule: readonly string[];
  /** What one may tell somebody to do; only in front of such a word does a time alone make a job. */
  readonly jobVerbs: readonly string[];
  /** Before the condition at which a job ends. */
  readonly until: readonly string[];
  /** Anywhere in a clause. */
  readonly listJobs: readonly string[];
  /** `needsNoun`: only together with a word for a job. */
  readonly jobActions: Readonly<
    Record<JobAction, { readonly verbs: readonly string[]; readonly needsNoun: boolean }>
  >;
  readonly jobNouns: readonly string[];
  /** Of these, those that name what they are. */
  readonly namedJobs: readonly string[];
  /** Taken off at the beginning of a job's name. */
  readonly nameLeads: readonly string[];
}

export const englishJobs: JobPhrases = {
  remind: [
    "remind me",
    "remind us",
    "set a reminder",
    "set me a reminder",
    "set a reminder for me",
    "give me a reminder",
  ],
  alarms: [
    {
      phrases: ["set a timer", "set me a timer", "start a timer", "timer"],
      text: "The timer is over.",
      leads: { words: ["for"], read: ["in", "at"] },
    },
    {
      phrases: ["set an alarm", "set me an alarm", "set the alarm"],
      text: "The alarm that you set.",
      leads: { words: ["for"], read: ["at", "in"] },
    },
    { phrases: ["wake me", "wake me up"], text: "Wake up.", leads: { words: [], read: [] } },
  ],
  schedule: ["schedule", "schedule a job", "schedule a task", "make a job", "create a job"],
  jobVerbs: [
    ...[
      "write",
      "send",
      "tell",
      "give",
      "show",
      "say",
      "ask",
      "check",
      "look",
      "list",
      "roll",
      "make",
      "draft",
    ],
    ...[
      "summarise",
      "summarize",
      "report",
      "review",
      "read",
      "collect",
      "prepare",
      "post",
      "create",
      "count",
    ],
    ...[
      "calculate",
      "update",
      "find",
      "search",
      "note",
      "greet",
      "wish",
      "suggest",
      "plan",
      "translate",
      "watch",
    ],
    ...["explain", "generate", "compile", "monitor", "recall", "compare", "sort", "clean"],
  ],
  until: ["until", "till"],
  listJobs: [
    ...["list reminders", "list my reminders", "list the reminders", "list all reminders", "show reminders"],
    ...["show my reminders", "show me my reminders", "my reminders", "what reminders", "which reminders"],
    ...["any reminders", "list jobs", "list my jobs", "list the jobs", "show jobs", "show my jobs"],
    ...["list schedules", "list my schedules", "show my schedules", "show my schedule"],
    ...["what is scheduled", "what's scheduled", "what have i scheduled", "what is planned"],
  ],
  jobActions: {
    cancel: { verbs: ["cancel", "stop", "delete", "remove", "turn off", "switch off"], needsNoun: true },
    pause: { verbs: ["pause"], needsNoun: false },
    resume: { verbs: ["resume", "unpause", "continue"], needsNoun: true },
  },
  jobNouns: ["reminder", "reminders", "reminding", "job", "jobs", "schedule", "schedules", "alarm", "timer"],
  namedJobs: ["alarm", "timer"],
  nameLeads: [
    ...[
      "the",
      "a",
      "an",
      "my",
      "that",
      "this",
      "to",
      "about",
      "for",
      "of",
      "number",
      "no",
      "called",
      "named",
    ],
    ...["me", "us", "job", "reminder"],
  ],
};

export const ukrainianJobs: JobPhrases = {
  remind: [
    ...["нагадай", "нагадай мені", "нагадай нам", "нагадайте", "нагадайте мені", "нагадайте нам", "нагадуй"],
    ...[
      "нагадуй мені",
      "нагадуйте мені",
      "постав нагадування",
      "постав мені нагадування",
      "створи нагадування",
    ],
  ],
  alarms: [
    {
      phrases: ["постав таймер", "поставте таймер", "запусти таймер", "таймер"],
      text: "Час таймера минув.",
      leads: { words: ["на"], read: ["за", "о"] },
    },
    {
      phrases: ["постав будильник", "поставте будильник"],
      text: "Ваш будильник.",
      leads: { words: ["на"], read: ["о", "за"] },
    },
    {
      phrases: ["розбуди", "розбуди мене", "розбудіть мене"],
      text: "Час прокидатися.",
      leads: { words: [], read: [] },
    },
  ],
  schedule: ["заплануй", "заплануйте", "створи завдання"],
  jobVerbs: [
    ...[
      "напиши",
      "напишіть",
      "пиши",
      "надішли",
      "надсилай",
      "скажи",
      "кажи",
      "розкажи",
      "розповідай",
      "перевір",
    ],
    ...["перевіряй", "покажи", "показуй", "зроби", "роби", "склади", "складай", "підсумуй", "підсумовуй"],
    ...["підготуй", "готуй", "знайди", "шукай", "кинь", "кидай", "порахуй", "рахуй", "повідом", "повідомляй"],
    ...[
      "привітай",
      "вітай",
      "дай",
      "давай",
      "запитай",
      "питай",
      "спитай",
      "переглянь",
      "переглядай",
      "збери",
    ],
    ...["збирай", "порадь", "радь", "перелічи", "стеж", "згадай"],
  ],
  until: ["доки", "поки", "аж поки", "до того як"],
  listJobs: [
    ...["покажи нагадування", "покажи мої нагадування", "покажіть мої нагадування", "мої нагадування"],
    ...["список нагадувань", "перелік нагадувань", "перелічи нагадування", "які нагадування"],
    ...["які в мене нагадування", "які у мене нагадування", "покажи завдання", "покажи мої завдання"],
    ...["список завдань", "перелік завдань", "покажи розклад", "покажи мій розклад", "що заплановано"],
  ],
  jobActions: {
    cancel: {
      verbs: [
        "скасуй",
        "скасуйте",
        "зупини",
        "зупиніть",
        "видали",
        "видаліть",
        "прибери",
        "припини",
        "вимкни",
      ],
      needsNoun: true,
    },
    pause: { verbs: ["призупини", "призупиніть", "постав на паузу"], needsNoun: false },
    resume: { verbs: ["віднови", "відновіть", "продовж"], needsNoun: true },
  },
  jobNouns: ["нагадування", "нагадувати", "завдання", "розклад", "будильник", "таймер"],
  namedJobs: ["будильник", "таймер"],
  nameLeads: [
    "про",
    "щоб",
    "що",
    "номер",
    "мені",
    "нам",
    "моє",
    "мій",
    "це",
    "для",
    "нагадування",
    "завдання",
  ],
};
