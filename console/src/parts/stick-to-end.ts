import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR_PX = 80;

/** Keeps a box at its end while it grows, unless the person scrolled away from there. */
export function useStickToEnd<Box extends HTMLElement>(
  content: unknown,
): { readonly box: RefObject<Box | null>; readonly isAtEnd: boolean; readonly toEnd: () => void } {
  const box = useRef<Box>(null);
  const sticks = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);
  const toEnd = useCallback(() => {
    sticks.current = true;
    box.current?.scrollTo({ top: box.current.scrollHeight });
    setAtEnd(true);
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const onScroll = (): void => {
      const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
      sticks.current = isNear;
      setAtEnd(isNear);
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
    if (sticks.current) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [content]);
  return { box, isAtEnd, toEnd };
}
