import { first } from "./0001-first.ts";
import { outboxByChannel } from "./0002-outbox-by-channel.ts";
import { money } from "./0003-money.ts";
import { secrets } from "./0004-secrets.ts";
import { sessions } from "./0005-sessions.ts";
import { page } from "./0006-page.ts";
import { attachments } from "./0007-attachments.ts";
import { fewerPages } from "./0008-fewer-pages.ts";
import { tapes } from "./0009-tapes.ts";
import { causes } from "./0010-causes.ts";
import { effectOrder } from "./0011-effect-order.ts";
import { jobs } from "./0012-jobs.ts";
import { flows } from "./0013-flows.ts";
import { agentChannels } from "./0014-agent-channels.ts";
import { modules } from "./0015-modules.ts";
import { inboxItems } from "./0016-inbox-items.ts";
import { agentsTogether } from "./0017-agents-together.ts";
import { agentDeadLetters } from "./0018-agent-dead-letters.ts";
import { memoryRecords } from "./0019-memory-records.ts";
import { storylines } from "./0020-storylines.ts";
import { vectors } from "./0021-vectors.ts";
import { compactions } from "./0022-compactions.ts";
import { documents } from "./0023-documents.ts";
import { dreams } from "./0024-dreams.ts";
import { persons } from "./0025-persons.ts";
import { agentChannelsByPeer } from "./0026-agent-channels-by-peer.ts";
import { jobsByOwner } from "./0027-jobs-by-owner.ts";
import { heldFast } from "./0028-held-fast.ts";
import { people } from "./0029-people.ts";
import type { Migration } from "./types.ts";

export type { Capabilities, Migration } from "./types.ts";

/** In order; the number of a migration is its place, from 1. Published ones never change. */
export const migrations: readonly Migration[] = [
  first,
  outboxByChannel,
  money,
  secrets,
  sessions,
  page,
  attachments,
  fewerPages,
  tapes,
  causes,
  effectOrder,
  jobs,
  flows,
  agentChannels,
  modules,
  inboxItems,
  agentsTogether,
  agentDeadLetters,
  memoryRecords,
  storylines,
  vectors,
  compactions,
  documents,
  dreams,
  persons,
  agentChannelsByPeer,
  jobsByOwner,
  heldFast,
  people,
];
