import type { Migration } from "./types.ts";

/** Accounts of space, agents and peers by day and month, who holds what of them, and calls that tell who made them. */
export const money: Migration = {
  name: "0003-money",
  steps: ({ text, int, table, utcDay }) => [
    `ALTER TABLE model_calls ADD COLUMN peer_id ${text} NOT NULL DEFAULT ''`,
    `ALTER TABLE model_calls ADD COLUMN owner_id ${text} NOT NULL DEFAULT ''`,
    `ALTER TABLE model_calls ADD COLUMN storyline_id ${text}`,
    `ALTER TABLE model_calls ADD COLUMN key_id ${text}`,
    `ALTER TABLE model_calls ADD COLUMN error_code ${text}`,
    `ALTER TABLE model_calls ADD COLUMN cache_write_tokens ${int} NOT NULL DEFAULT 0`,
    `ALTER TABLE model_calls ADD COLUMN reasoning_tokens ${int} NOT NULL DEFAULT 0`,
    `ALTER TABLE model_calls ADD COLUMN priced ${int} NOT NULL DEFAULT 1`,
    `ALTER TABLE model_calls ADD COLUMN charged ${int} NOT NULL DEFAULT 1`,
    `ALTER TABLE model_calls ADD COLUMN day ${text} NOT NULL DEFAULT ''`,
    `UPDATE model_calls SET day = ${utcDay("at")},
      peer_id = coalesce((SELECT peer_id FROM sessions s WHERE s.id = model_calls.session_id), ''),
      owner_id = coalesce((SELECT owner_id FROM sessions s WHERE s.id = model_calls.session_id), '')`,
    `CREATE INDEX model_calls_day ON model_calls (space_id, day)`,

    `CREATE TABLE accounts (
      space_id ${text} NOT NULL, scope ${text} NOT NULL, subject ${text} NOT NULL, period ${text} NOT NULL,
      spent_micro_usd ${int} NOT NULL, reserved_micro_usd ${int} NOT NULL, granted_micro_usd ${int} NOT NULL,
      asked ${int} NOT NULL, asked_at ${int}, PRIMARY KEY (space_id, scope, subject, period)
    )${table}`,
    `CREATE INDEX accounts_reserved ON accounts (space_id) WHERE reserved_micro_usd <> 0`,
    `CREATE INDEX accounts_asked ON accounts (space_id, asked_at) WHERE asked <> 0`,
    `CREATE TABLE reservations (
      holder ${text} NOT NULL, space_id ${text} NOT NULL, scope ${text} NOT NULL, subject ${text} NOT NULL, period ${text} NOT NULL,
      micro_usd ${int} NOT NULL, PRIMARY KEY (holder, space_id, scope, subject, period)
    )${table}`,

    // What was spent so far is in the calls; nobody holds a reservation while a database is brought up to date.
    `INSERT INTO accounts
      SELECT space_id, scope, subject, period, sum(cost), 0, 0, 0, NULL FROM (
        SELECT space_id, 'space' AS scope, '' AS subject, day AS period, cost_micro_usd AS cost FROM model_calls
        UNION ALL SELECT space_id, 'space', '', substr(day, 1, 7), cost_micro_usd FROM model_calls
        UNION ALL SELECT space_id, 'agent', agent_id, day, cost_micro_usd FROM model_calls
        UNION ALL SELECT space_id, 'agent', agent_id, substr(day, 1, 7), cost_micro_usd FROM model_calls
        UNION ALL SELECT space_id, 'peer', peer_id, day, cost_micro_usd FROM model_calls
        UNION ALL SELECT space_id, 'peer', peer_id, substr(day, 1, 7), cost_micro_usd FROM model_calls) calls
       WHERE cost > 0 GROUP BY space_id, scope, subject, period`,
    "DROP TABLE budgets",
  ],
};
