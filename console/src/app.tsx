import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { whenSignedOut } from "./api/call.ts";
import { ApiProblem, isAway } from "./api/problem.ts";
import { exchangeCode, whoAmI } from "./api/sign-in.ts";
import type { Me } from "./api/types.ts";
import { ChatPage } from "./parts/chat-page.tsx";
import { SignInPage } from "./parts/sign-in-page.tsx";
import { languageOf, type Settings } from "./state/settings.ts";
import { type Store, useStore } from "./state/store.ts";
import { CATALOGUES, WordsContext } from "./words/index.ts";

type Door =
  | { readonly at: "opening" }
  | { readonly at: "outside"; readonly problem: unknown }
  | { readonly at: "inside"; readonly me: Me };

const AWAY_PAUSE_MS = 1_500;

/** Finds out whether this browser is signed in, and shows the one page or the other. */
export function App(props: {
  readonly settings: Store<Settings>;
  readonly code: string | undefined;
}): ReactNode {
  const settings = useStore(props.settings, (value) => value);
  const language = languageOf(settings);
  const words = CATALOGUES[language];
  const { door, enter } = useDoor(props.code);
  // Before anything is painted.
  useLayoutEffect(() => {
    document.documentElement.lang = language;
    if (settings.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = settings.theme;
  }, [language, settings.theme]);
  return (
    <WordsContext value={{ language, words }}>
      {door.at === "opening" && <p className="opening">{words.loading}</p>}
      {door.at === "outside" && <SignInPage problem={door.problem} onCode={enter} />}
      {door.at === "inside" && <ChatPage me={door.me} settings={props.settings} />}
    </WordsContext>
  );
}

function useDoor(code: string | undefined): { readonly door: Door; readonly enter: (code: string) => void } {
  const [door, setDoor] = useState<Door>({ at: "opening" });
  const tries = useRef(0);
  const enter = useCallback(async (withCode: string | undefined): Promise<void> => {
    tries.current += 1;
    const own = tries.current;
    let refusal: unknown;
    try {
      if (withCode !== undefined) await exchangeCode(withCode);
    } catch (error) {
      refusal = error;
    }
    try {
      const me = await whoAmI();
      setDoor({ at: "inside", me });
    } catch (error) {
      // A code was typed meanwhile, and that try goes on.
      if (own !== tries.current) return;
      setDoor({ at: "outside", problem: refusal ?? error });
      if (!isAway(refusal ?? error)) return;
      setTimeout(() => own === tries.current && void enter(withCode), AWAY_PAUSE_MS);
    }
  }, []);
  const isBegun = useRef(false);
  useEffect(() => {
    // Effects run twice in development, and a code works once.
    if (isBegun.current) return;
    isBegun.current = true;
    whenSignedOut(() => {
      const problem = new ApiProblem("Signed out.", { code: "auth.invalid", status: 401 });
      setDoor((now) => (now.at === "inside" ? { at: "outside", problem } : now));
    });
    void enter(code);
  }, [code, enter]);
  return { door, enter: (typed) => void enter(typed) };
}
