import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR_PX = 80;

export interface StickToEnd<Box extends HTMLElement> {
  readonly box: RefObject<Box | null>;
  readonly isAtEnd: boolean;
  toEnd(): void;
  /** Stays where it is from now on, whatever is added at the end. */
  leaveEnd(): void;
  /** Keeps what is seen now in its place when more is put before it. */
  holdPlace(): void;
}

/** Keeps a box at its end while it grows, unless the person scrolled away from there. */
export function useStickToEnd<Box extends HTMLElement>(content: unknown, items: string): StickToEnd<Box> {
  const box = useRef<Box>(null);
  const sticks = useRef(true);
  const held = useRef<{ readonly item: Element; readonly top: number }>(undefined);
  const [isAtEnd, setAtEnd] = useState(true);
  const toEnd = useCallback(() => {
    sticks.current = true;
    box.current?.scrollTo({ top: box.current.scrollHeight });
    setAtEnd(true);
  }, []);
  const leaveEnd = useCallback(() => {
    sticks.current = false;
  }, []);
  const holdPlace = useCallback(() => {
    const top = box.current?.getBoundingClientRect().top ?? 0;
    const all = [...(box.current?.querySelectorAll(items) ?? [])];
    const item = all.find((one) => one.getBoundingClientRect().bottom > top);
    held.current = item === undefined ? undefined : { item, top: item.getBoundingClientRect().top };
  }, [items]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    let { scrollTop: before } = element;
    const onScroll = (): void => {
      const { scrollTop } = element;
      if (element.scrollHeight - scrollTop - element.clientHeight < NEAR_PX) sticks.current = true;
      // What grew below does not lead away from the end; only a person does, upwards.
      else if (scrollTop < before) sticks.current = false;
      before = scrollTop;
      setAtEnd(sticks.current);
    };
    // Pictures and mathematics come later than the words around them.
    const grown = new ResizeObserver(() => {
      if (sticks.current) element.scrollTo({ top: element.scrollHeight });
    });
    if (element.firstElementChild !== null) grown.observe(element.firstElementChild);
    grown.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      grown.disconnect();
      element.removeEventListener("scroll", onScroll);
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs whenever the content is another one.
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const { item, top } = held.current ?? {};
    if (sticks.current) element.scrollTo({ top: element.scrollHeight });
    else if (item?.isConnected === true && top !== undefined) {
      // Browsers hold the place themselves, but not at the very top, and not all of them.
      element.scrollTop += item.getBoundingClientRect().top - top;
    }
    held.current = undefined;
  }, [content]);
  return { box, isAtEnd, toEnd, leaveEnd, holdPlace };
}
