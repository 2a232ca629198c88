/**
 * The first tables. Hot commits touch few of them: accept writes sessions, messages, inbox, turns and budgets; finish
 * writes the same and model_calls. Work that waits is found by partial indexes, which hold open rows alone and stay
 * small however long the history grows.
 */
export const first: readonly string[] = [
  `CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, agent_id TEXT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL,
    peer_id TEXT NOT NULL, owner_id TEXT NOT NULL, audience TEXT NOT NULL, stateless INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, touches INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // A stateless session is never resumed, so it needs no key and costs no index.
  `CREATE UNIQUE INDEX sessions_key ON sessions (space_id, agent_id, channel, owner_id, peer_id, key) WHERE stateless = 0`,
  // Owner and agent ride in the index so that a filtered list reads no table rows it does not give.
  `CREATE INDEX sessions_recent ON sessions (space_id, updated_at, id, owner_id, agent_id) WHERE stateless = 0`,

  `CREATE TABLE storylines (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, agent_id TEXT NOT NULL, session_id TEXT NOT NULL UNIQUE, audience TEXT NOT NULL,
    title TEXT NOT NULL, summary TEXT NOT NULL, summary_turn_seq INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE messages (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, session_id TEXT NOT NULL, turn_id TEXT NOT NULL,
    seq INTEGER NOT NULL, turn_seq INTEGER NOT NULL, role TEXT NOT NULL, v INTEGER NOT NULL, parts TEXT NOT NULL,
    audience TEXT NOT NULL, outcome TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX messages_seq ON messages (session_id, seq)`,
  `CREATE INDEX messages_turn ON messages (session_id, turn_seq, seq)`,

  `CREATE TABLE turns (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, agent_id TEXT NOT NULL, agent_revision INTEGER NOT NULL,
    session_id TEXT NOT NULL, turn_seq INTEGER NOT NULL, trigger TEXT NOT NULL, lane INTEGER NOT NULL,
    state TEXT NOT NULL, attempt INTEGER NOT NULL, epoch INTEGER NOT NULL, owner TEXT, inbound_count INTEGER NOT NULL,
    v INTEGER NOT NULL, payload TEXT NOT NULL, due_at INTEGER NOT NULL, deadline_at INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL, reserved_micro_usd INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    error_code TEXT, error_message TEXT, trace TEXT NOT NULL, created_at INTEGER NOT NULL, finished_at INTEGER
  ) STRICT`,
  `CREATE INDEX turns_session ON turns (session_id, turn_seq)`,
  `CREATE INDEX turns_open ON turns (session_id, turn_seq, state, owner) WHERE state IN ('queued', 'running')`,
  `CREATE INDEX turns_queued ON turns (lane, due_at) WHERE state = 'queued'`,
  `CREATE INDEX turns_unwell ON turns (space_id, state) WHERE state IN ('failed', 'cancelled', 'suppressed', 'dead')`,

  `CREATE TABLE turn_steps (
    turn_id TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, v INTEGER NOT NULL, at INTEGER NOT NULL,
    payload TEXT NOT NULL, PRIMARY KEY (turn_id, n, kind)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE inbox (
    turn_id TEXT NOT NULL, n INTEGER NOT NULL, id TEXT NOT NULL CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, session_id TEXT NOT NULL, channel TEXT NOT NULL, platform_id TEXT, request_hash TEXT,
    principal_id TEXT NOT NULL, principal_kind TEXT NOT NULL, reply_channel TEXT, reply_target TEXT,
    state TEXT NOT NULL, reason TEXT, received_at INTEGER NOT NULL, accepted_at INTEGER NOT NULL, ended_at INTEGER,
    PRIMARY KEY (turn_id, n)
  ) STRICT, WITHOUT ROWID`,
  // A refused message may come again and be judged anew, so refusals stand outside both.
  `CREATE UNIQUE INDEX inbox_platform ON inbox (space_id, principal_id, channel, platform_id)
    WHERE platform_id IS NOT NULL AND state <> 'refused'`,
  `CREATE INDEX inbox_request ON inbox (space_id, principal_id, request_hash, accepted_at)
    WHERE request_hash IS NOT NULL AND state <> 'refused'`,
  `CREATE INDEX inbox_waiting ON inbox (space_id, accepted_at) WHERE state = 'accepted'`,

  `CREATE TABLE outbox (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, turn_id TEXT NOT NULL, session_id TEXT NOT NULL, channel TEXT NOT NULL,
    target TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, begun INTEGER NOT NULL, attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL, owner TEXT, lease_until INTEGER NOT NULL, due_at INTEGER NOT NULL, platform_id TEXT,
    error TEXT, created_at INTEGER NOT NULL, ended_at INTEGER
  ) STRICT`,
  `CREATE INDEX outbox_turn ON outbox (turn_id)`,
  `CREATE INDEX outbox_open ON outbox (channel, target, space_id) WHERE state IN ('pending', 'sending')`,
  `CREATE INDEX outbox_pending ON outbox (due_at) WHERE state = 'pending'`,
  `CREATE INDEX outbox_sending ON outbox (lease_until, owner) WHERE state = 'sending'`,
  `CREATE INDEX outbox_lost ON outbox (space_id) WHERE state IN ('unknown', 'dead')`,

  `CREATE TABLE effects (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, kind TEXT NOT NULL, v INTEGER NOT NULL, lane INTEGER NOT NULL, turn_id TEXT NOT NULL,
    session_id TEXT NOT NULL, payload TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL, owner TEXT, lease_until INTEGER NOT NULL, due_at INTEGER NOT NULL, error TEXT,
    created_at INTEGER NOT NULL, ended_at INTEGER
  ) STRICT`,
  `CREATE INDEX effects_turn ON effects (turn_id)`,
  `CREATE INDEX effects_pending ON effects (lane, due_at) WHERE state = 'pending'`,
  `CREATE INDEX effects_running ON effects (lane, lease_until, owner) WHERE state = 'running'`,

  `CREATE TABLE processes (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64), pid INTEGER NOT NULL, role TEXT NOT NULL,
    lease_until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE budgets (
    space_id TEXT NOT NULL, day TEXT NOT NULL, spent_micro_usd INTEGER NOT NULL, reserved_micro_usd INTEGER NOT NULL,
    PRIMARY KEY (space_id, day)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE model_calls (
    turn_id TEXT NOT NULL, id TEXT NOT NULL CHECK (length(id) <= 64), space_id TEXT NOT NULL, agent_id TEXT NOT NULL,
    session_id TEXT NOT NULL, model TEXT NOT NULL, purpose TEXT NOT NULL, outcome TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    estimated INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL, latency_ms INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (turn_id, id)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE keys (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64), space_id TEXT NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, hint TEXT NOT NULL, created_at INTEGER NOT NULL, revoked_at INTEGER
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE agents (
    space_id TEXT NOT NULL, id TEXT NOT NULL CHECK (length(id) <= 64), revision INTEGER NOT NULL, v INTEGER NOT NULL,
    spec TEXT NOT NULL, updated_at INTEGER NOT NULL, retired_at INTEGER, PRIMARY KEY (space_id, id)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE memories (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE CHECK (length(id) <= 64),
    space_id TEXT NOT NULL, agent_id TEXT NOT NULL, audience TEXT NOT NULL, text TEXT NOT NULL,
    turn_id TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX memories_agent ON memories (space_id, agent_id)`,

  // Terms arrive normalised and scoped (words.ts), so the tokenizer only splits at spaces; nothing is ranked by SQLite,
  // so positions are not kept. The row numbers are those of messages and memories.
  `CREATE VIRTUAL TABLE message_terms USING fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')`,
  `CREATE VIRTUAL TABLE memory_terms USING fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')`,
  `CREATE TABLE search_cursor (name TEXT NOT NULL PRIMARY KEY, row INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
];
