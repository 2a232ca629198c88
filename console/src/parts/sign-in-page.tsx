import { type FormEvent, type ReactNode, useState } from "react";
import { ApiProblem } from "../api/problem.ts";
import { useWords, type Words } from "../words/index.ts";
import { problemText } from "../words/problem-text.ts";
import { CopyLine } from "./copy-line.tsx";
import { Mark } from "./mark.tsx";

/** Why a browser is not signed in, in words. */
function reasonOf(words: Words, problem: unknown): string {
  if (!(problem instanceof ApiProblem)) return problem === undefined ? words.signInLead : String(problem);
  switch (problem.code) {
    case "link.used":
      return words.linkUsed;
    case "link.late":
      return words.linkLate;
    case "link.unknown":
      return words.linkUnknown;
    case "auth.required":
      return words.signInLead;
    case "auth.invalid":
      return words.signedOut;
    case "offline":
    case "not_ready":
      return words.away;
    default:
      return `${words.somethingFailed} ${problemText(words, problem)}`;
  }
}

/** What a browser sees that no link has signed in: why, and what to do. */
export function SignInPage(props: {
  readonly problem: unknown;
  readonly onCode: (code: string) => void;
}): ReactNode {
  const words = useWords();
  const [code, setCode] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (code.trim() !== "") props.onCode(code);
  };
  return (
    <main className="sign-in">
      <p className="wordmark">
        <Mark /> {words.appName}
      </p>
      <h1>{words.signIn}</h1>
      <p role="status">{reasonOf(words, props.problem)}</p>
      <h2>{words.signInHow}</h2>
      <CopyLine text="./troupe key link" />
      <form onSubmit={submit}>
        <label htmlFor="code">{words.signInCode}</label>
        <div className="sign-in-row">
          <input
            id="code"
            value={code}
            onChange={(event) => setCode(event.target.value)}
            placeholder="7Q4K-M2XD"
            autoComplete="one-time-code"
            autoCapitalize="characters"
            spellCheck={false}
            maxLength={20}
          />
          <button type="submit" className="primary">
            {words.signInButton}
          </button>
        </div>
      </form>
    </main>
  );
}
