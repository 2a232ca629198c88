/** Sentences that Troupe says to people who chat, in English. Every catalogue has these keys. */
export const en = {
  "turn.failed":
    "I could not answer: {reason} Your message is kept. Turn {turnId}; ./troupe turn show {turnId} tells more.",
  "turn.cancelled": "Stopped.",
  "turn.dead": "I tried {attempts} times and could not answer: {reason} Your message is kept. Turn {turnId}.",
  "reason.model.auth": "the model {model} refused our key.",
  "reason.model.billing": "the account of the model {model} has no credit left.",
  "reason.model.rate_limited": "the model {model} is receiving too many requests just now.",
  "reason.model.not_found": "the model {model} does not exist at its provider.",
  "reason.model.context_exceeded": "the message is longer than the model {model} can read.",
  "reason.model.timeout": "the model {model} did not answer in time.",
  "reason.model.unavailable": "the model {model} cannot be reached.",
  "reason.model.bad_response": "the model {model} sent something that cannot be read.",
  "reason.model.rejected": "the model {model} refused the request.",
  "reason.model.unknown": "no model is configured under the name {model}.",
  "models.two": "{first}, and {last}.",
  "models.several": "{first}; and {last}.",
  "models.tries": ", asked {tries} times",
  "models.alone": "no other model is listed{where}",
  "models.none": "No model is listed{where}.",
  "models.list": ' for "{list}"',
  "reason.budget.exceeded": "what may be spent for now is used up. It opens again on {when}.",
  "reason.budget.asked":
    "what may be spent for now is used up. The owner was asked for more; without it, it opens again on {when}.",
  "reason.turn.deadline": "it took longer than allowed.",
  "reason.other": "something went wrong inside.",
  "refused.rate.limited": "You are sending faster than allowed. Try again in {seconds} s.",
  "refused.admission.full": "Too many messages are waiting just now. Try again in {seconds} s.",
  "refused.budget.exceeded":
    "I am sorry: what I may spend for now is used up. I can answer again from {when} on.",
  "refused.budget.asked":
    "I am sorry: what I may spend for now is used up. I asked the owner for more; write again a little later. Without it I can answer again from {when} on.",
  "refused.unchecked": "Your message could not be checked, so it was not taken. Try again later.",
  "refused.files.many": "A message can hold {most} files; this one holds more.",
  "refused.files.missing": "The file {name} is not here, or not any more. Send it again.",
  "tool.unknown_outcome":
    "{tool} began before an interruption, and nobody knows whether it finished. It was not run again. Ask before repeating it.",
  "tool.cut_off":
    "{tool} had begun when it was stopped, and nobody knows whether it finished. Ask before repeating it.",
  "tool.not_kept": "{tool} kept nothing: it was stopped before its answer was whole.",
  "tool.denied": "{tool} is not allowed to this agent. It was not run.",
  "tool.denied_because": "{tool} was not run: {reason}",
  "tool.needs_approval":
    "{tool} needs a person's approval, and nobody can be asked for it in this version. It was not run.",
} as const;
