import { type ReactNode, useEffect, useState } from "react";
import { chatApi } from "../api/chat.ts";
import type { Message, MessagePart, ModelCallRecord, TurnChain } from "../api/types.ts";
import { countText, durationText, moneyText } from "../text/format.ts";
import { useLanguage, useWords } from "../words/index.ts";
import { CopyLine } from "./copy-line.tsx";

type Chain = TurnChain | "loading" | "failed";

/** How an answer came about: the steps of its turn, what models and tools were asked, and what they answered. */
export function Work(props: { readonly turnId: string; readonly reply: Message | undefined }): ReactNode {
  const { turnId, reply } = props;
  const words = useWords();
  const [chain, setChain] = useState<Chain>("loading");
  useEffect(() => {
    let isHere = true;
    chatApi.turn(turnId).then(
      (found) => isHere && setChain(found),
      () => isHere && setChain("failed"),
    );
    return () => {
      isHere = false;
    };
  }, [turnId]);
  if (chain === "loading") return <p className="fine">{words.loading}</p>;
  if (chain === "failed") return <p className="fine">{words.workFailed}</p>;
  return (
    <div className="work">
      <Trace chain={chain} />
      {chain.modelCalls.map((call) => (
        <ModelCall key={call.id} call={call} />
      ))}
      {(reply?.parts ?? []).map((part) =>
        part.type === "tool-call" ? (
          <ToolCall key={part.callId} call={part} parts={reply?.parts ?? []} />
        ) : null,
      )}
      <p className="fine">{words.reference}</p>
      <CopyLine text={turnId} />
    </div>
  );
}

function Trace({ chain }: { readonly chain: TurnChain }): ReactNode {
  const language = useLanguage();
  const { trace, createdAt } = chain.turn;
  return (
    <ol className="trace">
      {trace.map((entry, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: what happened does not change its place.
        <li key={i}>
          <span className="trace-at">+{durationText(Math.max(0, entry.at - createdAt), language)}</span>
          <span className="trace-what">{entry.what}</span>
          <bdi className="trace-detail">{entry.detail}</bdi>
        </li>
      ))}
    </ol>
  );
}

function ModelCall({ call }: { readonly call: ModelCallRecord }): ReactNode {
  const words = useWords();
  const language = useLanguage();
  const tokens = words.tokens(countText(call.inputTokens, language), countText(call.outputTokens, language));
  const cost = call.costMicroUsd > 0 ? ` · ${moneyText(call.costMicroUsd, language)}` : "";
  return (
    <p className="model-call">
      {words.modelCall} <code>{call.model}</code> {durationText(call.latencyMs, language)} · {tokens}
      {cost}
      {call.outcome === "ok" ? "" : ` · ${call.outcome}`}
    </p>
  );
}

function ToolCall(props: {
  readonly call: Extract<MessagePart, { type: "tool-call" }>;
  readonly parts: readonly MessagePart[];
}): ReactNode {
  const { call, parts } = props;
  const words = useWords();
  const result = parts.find((part) => part.type === "tool-result" && part.callId === call.callId);
  const isBad = result?.type === "tool-result" && result.isError === true;
  return (
    <details className="tool-call">
      <summary>
        <code>{call.name}</code>{" "}
        {isBad ? words.toolStates.failed : result === undefined ? "" : words.toolStates.succeeded}
      </summary>
      <p className="fine">{words.toolInput}</p>
      <pre dir="ltr">{call.arguments}</pre>
      {result?.type === "tool-result" && (
        <>
          <p className="fine">{words.toolOutput}</p>
          <pre dir="auto">{result.text}</pre>
        </>
      )}
    </details>
  );
}
