// Broken pieces, one at a time: the checks are worth something only if they notice each of them.
import type { Mutation } from "./composition.ts";
import { nothing, withoutGuard } from "./mutation-kit.ts";

export const MUTATIONS: readonly (Mutation & { readonly breaks: readonly string[] })[] = [
  {
    name: "an inbox without dedupe",
    breaks: ["no message is taken twice"],
    stores: (stores) => ({
      ...stores,
      inbox: {
        ...stores.inbox,
        accept: ({ platformId, ...record }) =>
          stores.inbox.accept({ ...record, platformId: `${platformId}/${record.id}` }),
      },
    }),
  },
  {
    ...withoutGuard("a finish without its epoch", (stores, mark) => ({
      ...stores,
      turns: { ...stores.turns, finish: (turn) => mark(stores.turns.finish(turn)) },
    })),
    breaks: ["one answer a turn"],
  },
  {
    name: "a finish that does not know who joined",
    breaks: ["every message is answered"],
    stores: (stores) => ({
      ...stores,
      turns: {
        ...stores.turns,
        // A message that joins is not counted, so that no finish is refused for it.
        join: (turn) => stores.turns.note(turn.id, []),
      },
    }),
  },
  {
    name: "a relay without the begin mark",
    breaks: ["no reply is doubled"],
    stores: (stores) => ({ ...stores, outbox: { ...stores.outbox, begin: () => nothing(stores) } }),
  },
  {
    name: "external tools without an intent",
    breaks: ["acts happen at most once"],
    stores: (stores) => ({
      ...stores,
      turns: {
        ...stores.turns,
        journal: (turn, step) =>
          step.kind === "intent" ? nothing(stores) : stores.turns.journal(turn, step),
      },
    }),
  },
  {
    ...withoutGuard("effects that are marked done without their epoch", (stores, mark) => ({
      ...stores,
      effects: { ...stores.effects, settle: (...args) => mark(stores.effects.settle(...args)) },
    })),
    breaks: ["no effect is doubled"],
  },
  {
    name: "effects without the key that orders them",
    breaks: ["effects of a key keep their order"],
    stores: (stores) => ({
      ...stores,
      effects: { ...stores.effects, put: ({ key: _none, ...effect }) => stores.effects.put(effect) },
    }),
  },
  {
    name: "a reply that is not kept with its turn",
    breaks: ["no reply is lost"],
    stores: (stores) => ({ ...stores, outbox: { ...stores.outbox, put: () => nothing(stores) } }),
  },
  {
    name: "a turn that does not end its rows",
    breaks: ["each message has an end"],
    stores: (stores) => ({ ...stores, inbox: { ...stores.inbox, end: () => nothing(stores) } }),
  },
  {
    name: "a reservation that looks at no limit",
    breaks: ["no budget is passed"],
    stores: (stores) => ({
      ...stores,
      ledger: {
        ...stores.ledger,
        reserve: (reservation) => {
          const accounts = reservation.accounts.map((one) => ({
            ...one,
            limitMicroUsd: Number.MAX_SAFE_INTEGER,
          }));
          return stores.ledger.reserve({ ...reservation, accounts });
        },
      },
    }),
  },
  {
    name: "calls that are charged to nobody",
    breaks: ["money adds up"],
    stores: (stores) => ({
      ...stores,
      ledger: { ...stores.ledger, record: (call) => stores.ledger.record({ ...call, day: "1970-01-01" }) },
    }),
  },
  {
    name: "money that is never freed",
    breaks: ["money adds up"],
    stores: (stores) => ({ ...stores, ledger: { ...stores.ledger, release: () => nothing(stores) } }),
  },
];
