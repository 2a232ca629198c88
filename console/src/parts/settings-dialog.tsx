import type { ReactNode } from "react";
import { signOut } from "../api/sign-in.ts";
import type { Theme } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { momentText } from "../text/format.ts";
import { LANGUAGE_NAMES, type Language, useLanguage, useWords } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { Dialog } from "./dialog.tsx";
import { shortcutList } from "./shortcuts.ts";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** Settings of this browser, the keys that do something, and the way out. */
export function SettingsDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const words = useWords();
  return (
    <Dialog title={words.settings} onClose={onClose}>
      <div className="dialog-body settings">
        <ThemeChoice />
        <LanguageChoice />
        <section>
          <h3>{words.shortcutsTitle}</h3>
          <dl className="shortcuts">
            {shortcutList(words).map(({ keys, does }) => (
              <div key={does}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
        <ThisBrowser />
      </div>
    </Dialog>
  );
}

function ThemeChoice(): ReactNode {
  const words = useWords();
  const { settings } = usePage();
  const theme = useStore(settings, (value) => value.theme);
  return (
    <fieldset className="choice">
      <legend>{words.theme}</legend>
      {THEMES.map((one) => (
        <label key={one}>
          <input
            type="radio"
            name="theme"
            checked={theme === one}
            onChange={() => settings.update((value) => ({ ...value, theme: one }))}
          />
          {words.themes[one]}
        </label>
      ))}
    </fieldset>
  );
}

function LanguageChoice(): ReactNode {
  const words = useWords();
  const { settings } = usePage();
  const chosen = useStore(settings, (value) => value.language);
  const choices: readonly (Language | undefined)[] = [undefined, "en", "uk"];
  return (
    <fieldset className="choice">
      <legend>{words.language}</legend>
      {choices.map((one) => (
        <label key={one ?? "browser"} lang={one}>
          <input
            type="radio"
            name="language"
            checked={chosen === one}
            onChange={() => settings.update((value) => ({ ...value, language: one }))}
          />
          {one === undefined ? words.languageOfBrowser : LANGUAGE_NAMES[one]}
        </label>
      ))}
    </fieldset>
  );
}

function ThisBrowser(): ReactNode {
  const words = useWords();
  const language = useLanguage();
  const { me } = usePage();
  const leave = (): void => {
    // Signed out or not, the page starts anew and says what it is.
    signOut().then(
      () => location.reload(),
      () => location.reload(),
    );
  };
  return (
    <section>
      <h3>{words.thisBrowser}</h3>
      {me.browser !== undefined && (
        <p>{words.signedInUntil(me.browser.name, momentText(me.browser.until, language))}</p>
      )}
      <p className="fine">Troupe {me.version}</p>
      <p className="buttons">
        <button type="button" onClick={leave}>
          {words.signOut}
        </button>
      </p>
    </section>
  );
}
