import type { ModelRequest } from "@troupe/contracts";
import { type Reply, replyTo } from "./answer.ts";
import { isJudgeRequest, judgeConditions } from "./judge.ts";
import { extractSummary, isSummaryRequest } from "./summary.ts";

/** What the guide answers. Questions of Troupe itself are told by how they begin. */
export function answerTo(request: ModelRequest): Reply {
  if (isSummaryRequest(request)) return { text: extractSummary(request), calls: [] };
  if (isJudgeRequest(request)) return { text: judgeConditions(request), calls: [] };
  return replyTo(request);
}
