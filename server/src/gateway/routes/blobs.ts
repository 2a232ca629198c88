import type { BlobContent } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { isImage, mediaTypeOf, safeText } from "../../kit/index.ts";
import { type Call, headerOf } from "../call.ts";
import type { Face } from "../face.ts";
import { type Answer, FieldError, jsonReply, type Reply, SECURITY_HEADERS } from "../reply.ts";
import type { Route } from "../route.ts";
import { isOperator } from "../turn-record.ts";

const LONGEST_NAME = 200;

/** Files of messages: put here first, then named in a message. Who may read a message may read its files. */
export function blobRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/blobs",
      access: "key",
      acceptsWork: true,
      handle: (call) => upload(face, call),
    },
    { method: "GET", path: "/api/blobs/:id", access: "key", handle: (call) => download(face, call) },
  ];
}

async function upload(face: Face, call: Call): Promise<Reply> {
  const type = headerOf(call, "content-type") ?? "application/octet-stream";
  const mediaType = mediaTypeOf(type);
  if (mediaType === undefined) {
    throw new FieldError("content-type", `content-type is "${type.slice(0, 80)}", which is no media type.`);
  }
  const name = safeText(call.context.req.query("name") ?? "").trim();
  if (name.length > LONGEST_NAME) {
    throw new FieldError("name", `name is longer than ${LONGEST_NAME} characters.`);
  }
  const maxBytes = face.limits.fileBytes;
  const announced = Number(headerOf(call, "content-length") ?? 0);
  if (announced > maxBytes) {
    throw new TroupeError(`The file is larger than ${maxBytes} bytes.`, { code: "request.too_large" });
  }
  const blob = { spaceId: call.principal.spaceId, content: await bodyOf(call), maxBytes };
  const { id, sizeBytes } = await face.deps.blobs.put(blob, face.lifetime);
  if (sizeBytes === 0) throw new TroupeError("The file is empty.", { code: "request.invalid" });
  const body = { blobId: id, mediaType, name: name === "" ? "file" : name, sizeBytes };
  return jsonReply(body, { status: 201, headers: { location: `/api/blobs/${id}` } });
}

async function bodyOf(call: Call): Promise<BlobContent> {
  if (call.node === undefined) return new Uint8Array(await call.context.req.raw.arrayBuffer());
  const { incoming } = call.node;
  // The connection still has to carry the answer to a file that is refused in the middle.
  return incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}

async function download(face: Face, call: Call): Promise<Answer> {
  const { principal, context } = call;
  const { spaceId } = principal;
  const blobId = context.req.param("id") ?? "";
  const owner = isOperator(principal) ? {} : { ownerId: principal.id };
  const attachment = await face.deps.stores.attachments.find({ spaceId, blobId, ...owner }, face.lifetime);
  const bytes =
    attachment === undefined
      ? undefined
      : await face.deps.blobs.get({ spaceId, id: blobId, maxBytes: Number.MAX_SAFE_INTEGER }, face.lifetime);
  if (attachment === undefined || bytes === undefined) {
    throw new TroupeError("There is no such file in your conversations.", { code: "request.not_found" });
  }
  const { mediaType, name } = attachment;
  const disposition = isImage(mediaType) ? "inline" : "attachment";
  return new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: {
      ...SECURITY_HEADERS,
      "content-type": mediaType,
      "content-length": String(bytes.length),
      "content-disposition": `${disposition}; filename*=UTF-8''${encodeURIComponent(name)}`,
      // What somebody sent is shown, never run.
      "content-security-policy": "sandbox; default-src 'none'",
      "cache-control": "private, max-age=3600, immutable",
    },
  });
}
