import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { sdkError } from "./failures.ts";

const failure = { subject: 'The model "p/m"', secrets: [], clock: createManualClock() };

test.each([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
])("a certificate that is not accepted (%s) is told as such, and not asked again", (code) => {
  const lost = new Error("fetch failed", { cause: Object.assign(new Error("no trust"), { code }) });

  expect(sdkError(failure, lost, false)).toMatchObject({
    code: "model.unavailable",
    retryable: false,
    message: `The model "p/m" cannot be reached safely: its certificate is not accepted (${code}).`,
  });
});
