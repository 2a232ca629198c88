// Chats between a person and an agent, made from patterns: errands, the way people give them. They teach the scorer what chats
// between two people do not show: requests, answers with values, questions that leave out what was named before.
import { createRandom } from "./random.ts";

interface Errand {
  readonly slots: Readonly<Record<string, readonly string[]>>;
  readonly opens: readonly string[];
  readonly answers: readonly string[];
  /** What the person says next, and what comes back. */
  readonly goesOn: readonly (readonly [string, string])[];
}

const words = (text: string): readonly string[] => text.split("|");

const ERRANDS: readonly Errand[] = [
  {
    slots: {
      town: words("Lviv|Odesa|Krakow|Vienna|Leeds|Norwich"),
      day: words("Friday|Sunday|Tuesday|tomorrow"),
      hour: words("9:15|17:40|8 am|noon"),
    },
    opens: [
      "I need a train to {town} on {day}.",
      "Can you find me a train to {town}?",
      "What trains go to {town} {day}?",
      "Book a ticket to {town} for {day} please.",
    ],
    answers: [
      "There is one at {hour} on {day}. Would you like it?",
      "Where will you be leaving from?",
      "What time would you like to arrive?",
    ],
    goesOn: [
      ["How long does it take?", "The journey takes three hours and ten minutes."],
      ["I want to arrive by {hour}.", "Then the train before it suits you. Shall I book it?"],
      ["Is there a later one?", "Yes, the last train leaves at {hour}."],
      ["Two seats please.", "Two seats to {town} are reserved."],
      ["What does the ticket cost?", "It is 24 a person."],
      ["Great, thanks.", "You are welcome. Have a good journey."],
    ],
  },
  {
    slots: {
      food: words("Italian|Indian|Georgian|Chinese|seafood"),
      place: words("centre|north|old town|harbour"),
      name: words("Golden Curry|Da Vinci|Black Sheep|Panorama"),
    },
    opens: [
      "I am looking for a {food} restaurant in the {place}.",
      "Find a cheap place to eat in the {place}.",
      "Where can we have {food} food tonight?",
      "Do you know a good {food} restaurant?",
    ],
    answers: [
      "{name} serves {food} food and is in the {place}.",
      "There are five of them. Do you have a price range in mind?",
      "For how many people?",
    ],
    goesOn: [
      ["What is the address?", "{name} is at 12 Market Street."],
      ["Cheap would be best.", "{name} is cheap. Should I reserve a table?"],
      ["Book a table for four at 7.", "Done, a table for four at {name}."],
      ["Do they have vegetarian dishes?", "Yes, a whole page of the menu."],
      ["Any other {food} place?", "No other in the {place}, I am sorry."],
      ["Could I have their phone number?", "It is 01223 44 55 66."],
    ],
  },
  {
    slots: {
      town: words("Kyiv|Boston|Madrid|Uzhhorod|here"),
      day: words("today|tomorrow|this weekend|on Monday"),
    },
    opens: [
      "What is the weather like {day} in {town}?",
      "Will it rain {day}?",
      "Is it going to be warm in {town} {day}?",
      "Give me the forecast for {town}.",
    ],
    answers: [
      "It will be cloudy in {town} {day}, 12 degrees.",
      "No rain is forecast for {town}.",
      "For which city?",
    ],
    goesOn: [
      ["And the day after?", "Sunny, with a light wind."],
      ["Do I need an umbrella?", "Not {day}, it stays dry."],
      ["How cold will the night be?", "It falls to 3 degrees."],
      ["Is it windy?", "A light breeze from the west."],
      ["Ok, good to know.", "Enjoy your day."],
    ],
  },
  {
    slots: {
      dish: words("sourdough|borscht|lasagne|pancakes|pumpkin soup"),
      part: words("flour|butter|beetroot|cream|garlic"),
    },
    opens: [
      "How do I make {dish}?",
      "Give me a recipe for {dish}.",
      "My {dish} never turns out well, what do I do wrong?",
      "What goes into {dish}?",
    ],
    answers: [
      "For {dish} you need {part}, salt and some patience.",
      "Start with the {part}, then let it rest.",
      "Most people use too much {part}.",
    ],
    goesOn: [
      ["How long in the oven?", "About forty minutes at 200 degrees."],
      ["Can I leave out the {part}?", "You can, but it tastes flatter."],
      ["How much {part}?", "Two spoons for four people."],
      ["Does it keep in the fridge?", "{dish} keeps three days."],
      ["What do I serve with it?", "Bread and a green salad."],
      ["It came out too dry.", "Add a little water next time."],
    ],
  },
  {
    slots: {
      person: words("Olena|Marta|my sister|the dentist|Petro"),
      day: words("Monday|Thursday|the 5th|next week"),
      hour: words("2 pm|10:30|6 in the evening"),
    },
    opens: [
      "Remind me to call {person} on {day}.",
      "When is my appointment with {person}?",
      "Put a meeting with {person} into my calendar.",
      "Schedule lunch with {person} for {day}.",
    ],
    answers: ["At what time on {day}?", "It is on {day} at {hour}.", "Noted: {person}, {day} at {hour}."],
    goesOn: [
      ["At {hour}.", "Set for {day}, {hour}."],
      ["Can we move it to {day}?", "Moved to {day} at {hour}."],
      ["Who else is coming?", "Only {person}."],
      ["Send {person} a note about it.", "The note is sent."],
      ["Cancel it please.", "The meeting with {person} is cancelled."],
    ],
  },
  {
    slots: {
      thing: words("the build|the login page|my script|the nightly backup|the parser"),
      error: words("a timeout|permission denied|a null reference|out of memory"),
    },
    opens: [
      "{thing} fails with {error}.",
      "Why do I get {error} from {thing}?",
      "Help me find out what is wrong with {thing}.",
      "I have a bug in {thing}.",
    ],
    answers: [
      "When did {thing} work last?",
      "{error} often means that a path is wrong. What does the log say?",
      "Does it fail every time?",
    ],
    goesOn: [
      ["It worked yesterday.", "Then look at what changed since, the configuration first."],
      ["The log says {error} in line 40.", "Check whether the value there can be empty."],
      ["How do I turn on debug output?", "Set the log level to debug and run {thing} again."],
      [
        "I restarted it and it is the same.",
        "Then it is not a stale state. Please show me the configuration.",
      ],
      ["That fixed it!", "Good. Add a test so that it stays fixed."],
      ["Only on the server, not here.", "Compare the versions on both machines."],
    ],
  },
  {
    slots: {
      place: words("the bathroom|the garden|my flat|the roof|the kitchen"),
      firm: words("the plumber|the painter|the mover|the electrician"),
    },
    opens: [
      "What would it cost to renovate {place}?",
      "I have to find {firm} for {place}.",
      "There is water coming through in {place}.",
      "We are planning to paint {place}.",
    ],
    answers: ["How large is {place}?", "{firm} can come in two weeks.", "Have you got any offers yet?"],
    goesOn: [
      ["About twelve square metres.", "Then count on four days of work."],
      ["{firm} never wrote back.", "I would ask two others and compare."],
      ["Which colour would you take?", "A warm white makes it look larger."],
      ["Can I do it myself?", "The walls yes, the wiring no."],
      ["The offer was 900.", "That is fair for {place}."],
    ],
  },
  {
    slots: {
      subject: words("the French revolution|black holes|photosynthesis|inflation|the Vikings"),
      aim: words("my exam|a talk|my daughter|an essay"),
    },
    opens: [
      "Explain {subject} to me.",
      "I need to learn about {subject} for {aim}.",
      "What should I know about {subject}?",
      "Can you help with an essay about {subject}?",
    ],
    answers: [
      "In short, {subject} is best understood by its causes.",
      "Gladly. How much do you know already?",
      "Let us begin with the main idea of {subject}.",
    ],
    goesOn: [
      ["Why did that happen?", "Several causes came together, above all money."],
      ["Give me an example.", "Think of a crowd that leaves a room by one door."],
      ["That is too complicated.", "Simply said: it happens step by step."],
      ["Who discovered it?", "Several people, about the same time."],
      [
        "Make three quiz questions of it.",
        "First: when did it begin? Second: who took part? Third: what followed?",
      ],
    ],
  },
  {
    slots: {
      kind: words("hotel|guesthouse|hostel"),
      place: words("centre|south|west side"),
      stars: words("four|three|two"),
    },
    opens: [
      "I need a {kind} in the {place} with free parking.",
      "Are there {kind}s with {stars} stars?",
      "We also need a place to stay for three nights.",
    ],
    answers: [
      "The Archway is a {kind} in the {place}. Should I book?",
      "Yes, two {kind}s with {stars} stars.",
      "For how many nights and people?",
    ],
    goesOn: [
      ["Three nights from Saturday, two people.", "Booked. Your reference number is K7QX2."],
      ["Does it have internet?", "Yes, internet and parking are free."],
      ["What is the postcode?", "It is cb41da."],
      ["Try {stars} stars instead.", "The Lovell has {stars} stars."],
      ["No, that is all. Thank you.", "Thank you, goodbye."],
    ],
  },
  {
    slots: {
      place: words("a gas station|the nearest hospital|a parking garage|a coffee shop|home"),
      far: words("2 miles|5 miles|a mile"),
    },
    opens: ["Where is {place}?", "Take me to {place}.", "Find directions to {place} that avoid traffic."],
    answers: [
      "There is one {far} away at 783 Arcadia Place.",
      "{place} is {far} away. Shall I set the route?",
      "The quickest route takes nine minutes.",
    ],
    goesOn: [
      ["Is there much traffic?", "Moderate traffic on the way."],
      ["Pick the shortest route.", "Route set, {far}."],
      ["Which one is the closest?", "The one on Alger Drive, {far}."],
      ["What is the address again?", "783 Arcadia Place."],
      ["Thanks!", "You are welcome, drive carefully."],
    ],
  },
  {
    slots: {
      race: words("the half marathon|swimming|yoga|running 10 km"),
      part: words("knee|back|shoulder"),
    },
    opens: [
      "I want to start {race}.",
      "How should I train for {race}?",
      "My {part} hurts since I began {race}.",
      "Make me a plan for {race}.",
    ],
    answers: [
      "How often can you train?",
      "Begin with three easy sessions a week.",
      "Since when does the {part} hurt?",
    ],
    goesOn: [
      ["Three times a week.", "Then two easy sessions and one long one."],
      ["Since last week.", "Give it four days of rest."],
      ["What shoes do I need?", "Any that fit well; try them in the evening."],
      ["Should I stretch before?", "After is better, before only lightly."],
      ["I missed yesterday's session.", "Never mind, go on with today's."],
    ],
  },
  {
    slots: { gift: words("my mother|a colleague|our neighbour|a boy of six"), sum: words("30|50|100") },
    opens: [
      "What could I give {gift} as a present?",
      "I have no idea what to buy for {gift}.",
      "It is the birthday of {gift} soon.",
    ],
    answers: [
      "What does {gift} like?",
      "How much would you spend?",
      "A book about something they love is never wrong.",
    ],
    goesOn: [
      ["At most {sum}.", "For {sum} you get a good board game."],
      ["Plants and old films.", "Then an orchid, or a box of films."],
      ["Something less boring.", "Tickets to a concert then."],
      ["How do I wrap it?", "In plain paper with a bright ribbon."],
      ["I will take the first one.", "A good choice."],
    ],
  },
];

/** So many chats, the same ones for the same seed. A line of the person, a line of the agent, in turn. */
export function makeChats(count: number, seed: number): string[][] {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return Array.from({ length: count }, () => {
    const errand = pick(ERRANDS);
    const chosen = new Map(Object.entries(errand.slots).map(([name, values]) => [name, pick(values)]));
    const filled = (pattern: string): string =>
      // A value mostly stays what it was, and is sometimes another one of its kind.
      pattern.replace(/\{(\w+)\}/g, (_, name: string) =>
        random() < 0.85 ? (chosen.get(name) ?? "") : pick(errand.slots[name] ?? [""]),
      );
    const rest = [...errand.goesOn].sort(() => random() - 0.5).slice(0, 2 + Math.floor(random() * 4));
    const greeting = random() < 0.15 ? pick(["Hi! ", "Hello, ", "Hey, "]) : "";
    return [greeting + pick(errand.opens), pick(errand.answers), ...rest.flat()].map(filled);
  });
}
