import type { ReactNode } from "react";
import { blobAddress } from "../api/chat.ts";
import type { FilePart } from "../api/types.ts";
import { sizeText } from "../text/format.ts";
import { useLanguage } from "../words/index.ts";
import { Icon } from "./icon.tsx";

/** Kinds that the server shows instead of handing them over to be kept. */
const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Files of a message: pictures as pictures, others by name and size. */
export function Files({ files }: { readonly files: readonly FilePart[] }): ReactNode {
  const language = useLanguage();
  if (files.length === 0) return null;
  return (
    <ul className="files">
      {files.map(({ blobId, mediaType, name, sizeBytes }) => (
        <li key={`${blobId} ${name}`}>
          <a
            href={blobAddress(blobId)}
            target="_blank"
            rel="noopener"
            download={SHOWN.has(mediaType) ? undefined : name}
          >
            {SHOWN.has(mediaType) ? (
              <img src={blobAddress(blobId)} alt={name} loading="lazy" />
            ) : (
              <span className="chip">
                <Icon name="file" /> <bdi>{name}</bdi>{" "}
                <span className="fine">{sizeText(sizeBytes, language)}</span>
              </span>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}
