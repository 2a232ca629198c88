import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { chatApi } from "../api/chat.ts";
import { type Attached, MOST_FILES, sortFiles } from "../state/attachments.ts";
import { sizeText } from "../text/format.ts";
import { useLanguage, useWords } from "../words/index.ts";
import { problemText } from "../words/problem-text.ts";
import { usePage } from "./chat-context.ts";
import { Icon, IconButton } from "./icon.tsx";

export interface Attachments {
  readonly items: readonly Attached[];
  /** Why files were not taken; empty when all were. */
  readonly refusal: string;
  /** None is still on its way, and none failed: one that failed is taken out, so that nothing is left behind unseen. */
  readonly areReady: boolean;
  add(files: readonly File[]): void;
  remove(key: string): void;
  clear(): void;
}

/** Files that go with the next message. Each is sent at once, so that the message itself goes quickly. */
export function useAttachments(): Attachments {
  const words = useWords();
  const language = useLanguage();
  const { me } = usePage();
  const [items, setItems] = useState<readonly Attached[]>([]);
  const [refusal, setRefusal] = useState("");
  const shown = useRef(items);
  shown.current = items;
  const uploads = useRef(new Map<string, AbortController>());
  const count = useRef(0);
  const change = useCallback((key: string, to: Partial<Attached>) => {
    setItems((now) => now.map((one) => (one.key === key ? { ...one, ...to } : one)));
  }, []);
  const upload = useCallback(
    (key: string, file: File) => {
      const control = new AbortController();
      uploads.current.set(key, control);
      chatApi.upload(file, file.name, control.signal).then(
        (part) => change(key, { state: "ready", part: { ...part, type: "file" } }),
        (error: unknown) => {
          if (!control.signal.aborted) change(key, { state: "failed", problem: problemText(words, error) });
        },
      );
    },
    [change, words],
  );
  useEffect(() => {
    const running = uploads.current;
    return () => {
      for (const control of running.values()) control.abort();
      for (const { preview } of shown.current) forget(preview);
    };
  }, []);
  return {
    items,
    refusal,
    areReady: items.every(({ state }) => state === "ready"),
    add(files) {
      const { good, refused } = sortFiles(files, items.length, me.fileBytes);
      const most = { size: sizeText(me.fileBytes, language), count: MOST_FILES };
      setRefusal(refused.map(({ name, why }) => words.fileRefused[why](name, most)).join(" "));
      for (const file of good) {
        count.current += 1;
        const key = String(count.current);
        const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined;
        const state = { state: "uploading", part: undefined, problem: undefined } as const;
        setItems((now) => [...now, { key, name: file.name, sizeBytes: file.size, preview, ...state }]);
        upload(key, file);
      }
    },
    remove(key) {
      uploads.current.get(key)?.abort();
      uploads.current.delete(key);
      forget(items.find((one) => one.key === key)?.preview);
      setItems((now) => now.filter((one) => one.key !== key));
    },
    clear() {
      setRefusal("");
      uploads.current.clear();
      for (const { preview } of items) forget(preview);
      setItems([]);
    },
  };
}

function forget(preview: string | undefined): void {
  if (preview !== undefined) URL.revokeObjectURL(preview);
}

export function AttachedList({ attachments }: { readonly attachments: Attachments }): ReactNode {
  const words = useWords();
  const language = useLanguage();
  return (
    <>
      {attachments.items.length > 0 && (
        <ul className="attached" aria-label={words.attachments}>
          {attachments.items.map(({ key, name, sizeBytes, preview, state, problem }) => (
            <li key={key} data-state={state}>
              {preview === undefined ? <Icon name="file" /> : <img src={preview} alt="" />}
              <span className="attached-name">
                <bdi>{name}</bdi>
                <span className="fine">
                  {state === "failed" ? `${words.somethingFailed} ${problem}` : sizeText(sizeBytes, language)}
                  {state === "uploading" && ` · ${words.uploading}`}
                </span>
              </span>
              <IconButton
                name="close"
                label={words.removeFile(name)}
                onClick={() => attachments.remove(key)}
              />
            </li>
          ))}
        </ul>
      )}
      {attachments.refusal !== "" && (
        <p className="fine bad" role="alert">
          {attachments.refusal}
        </p>
      )}
    </>
  );
}

/** A button that asks for files. */
export function AttachButton({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): ReactNode {
  const words = useWords();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton name="clip" label={words.attach} onClick={() => input.current?.click()} />
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </>
  );
}

/** Files that are dropped anywhere on the page go to the message; it says so while they hover. */
export function useDrop(onFiles: (files: readonly File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  const take = useRef(onFiles);
  take.current = onFiles;
  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      take.current([...(event.dataTransfer?.files ?? [])]);
    };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  }, []);
  return isOver;
}
