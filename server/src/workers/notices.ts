import {
  type Clock,
  type IdGenerator,
  type InboxItemStore,
  type Logger,
  MAX_INBOX_ITEMS,
  type MessageBus,
  type NewNotice,
  type Notices,
  type UnitOfWork,
  type Write,
} from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import { boundText, inboxItemId, inboxRinger } from "./inbox-channel.ts";

export interface NoticesDeps {
  readonly spaceId: string;
  readonly inboxItems: Pick<InboxItemStore, "put">;
  readonly unit: Pick<UnitOfWork, "commit">;
  readonly bus: Pick<MessageBus, "publish">;
  readonly clock: Pick<Clock, "now">;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Notices as items of inboxes. What they tell of stands elsewhere too, so one that cannot be kept stops nothing. */
export function createNotices(deps: NoticesDeps): Notices {
  const { spaceId, inboxItems, unit, clock, logger, metrics } = deps;
  const kept = metrics.counter("inbox_items_total", "Items that came into people's inboxes, by kind.");
  const lost = metrics.counter("notices_lost_total", "Notices that could not be kept.");
  const ring = inboxRinger(deps);
  /** Nobody cuts a notice short; the store refuses it when it closes. */
  const { signal } = new AbortController();

  const put = ({ ownerId, title, text, key }: NewNotice): Write<{ readonly isNew: boolean }> =>
    inboxItems.put(
      {
        id: inboxItemId(spaceId, ownerId, `notice ${key}`),
        ...{ spaceId, ownerId, kind: "notice", title, text: boundText(text), createdAt: clock.now() },
        ...{ agentId: undefined, sessionId: undefined, turnId: undefined },
      },
      MAX_INBOX_ITEMS,
    );
  const keep = async (notice: NewNotice): Promise<void> => {
    try {
      const write = put(notice);
      const { isNew } = (await unit.commit([write], { signal })).read(write);
      if (!isNew) return;
      kept.add(1, { kind: "notice" });
      ring(notice.ownerId);
    } catch (error) {
      lost.add();
      logger.error("notice.lost", { key: notice.key, error });
    }
  };
  return {
    post: (notice) => void keep(notice),
    write: put,
    ring,
  };
}
