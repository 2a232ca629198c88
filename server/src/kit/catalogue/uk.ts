import type { en } from "./en.ts";

/** Sentences that Troupe says to people who chat, in Ukrainian. */
export const uk: Readonly<Record<keyof typeof en, string>> = {
  "turn.failed":
    "Не вдалося відповісти: {reason} Ваше повідомлення збережено. Хід {turnId}; більше розкаже ./troupe turn show {turnId}.",
  "turn.cancelled": "Зупинено.",
  "turn.dead":
    "Я спробував {attempts} разів і не зміг відповісти: {reason} Ваше повідомлення збережено. Хід {turnId}.",
  "reason.model.auth": "модель {model} відхилила наш ключ.",
  "reason.model.billing": "на рахунку моделі {model} не лишилося коштів.",
  "reason.model.rate_limited": "модель {model} зараз отримує забагато запитів.",
  "reason.model.not_found": "моделі {model} немає в її постачальника.",
  "reason.model.context_exceeded": "повідомлення довше, ніж модель {model} може прочитати.",
  "reason.model.timeout": "модель {model} не відповіла вчасно.",
  "reason.model.unavailable": "модель {model} недоступна.",
  "reason.model.bad_response": "модель {model} надіслала те, що не вдається прочитати.",
  "reason.model.rejected": "модель {model} відхилила запит.",
  "reason.model.unknown": "модель з назвою {model} не налаштована.",
  "models.two": "{first}, а {last}.",
  "models.several": "{first}; а {last}.",
  "models.tries": " (спроб: {tries})",
  "models.alone": "інших моделей{where} немає",
  "models.none": "Моделей{where} немає.",
  "models.list": " у списку «{list}»",
  "reason.budget.exceeded": "дозволені на зараз кошти вичерпано. Вони відновляться {when}.",
  "reason.budget.asked":
    "дозволені на зараз кошти вичерпано. Власника попросили додати; без цього вони відновляться {when}.",
  "reason.turn.deadline": "це тривало довше, ніж дозволено.",
  "reason.other": "усередині щось пішло не так.",
  "refused.rate.limited": "Ви надсилаєте частіше, ніж дозволено. Спробуйте за {seconds} с.",
  "refused.admission.full": "Зараз чекає забагато повідомлень. Спробуйте за {seconds} с.",
  "refused.budget.exceeded":
    "На жаль, кошти, які мені дозволено витратити, наразі вичерпано. Я зможу відповідати знову: {when}.",
  "refused.budget.asked":
    "На жаль, кошти, які мені дозволено витратити, наразі вичерпано. Я попросив власника додати; напишіть трохи згодом. Інакше я зможу відповідати знову: {when}.",
  "refused.unchecked": "Ваше повідомлення не вдалося перевірити, тому його не прийнято. Спробуйте пізніше.",
  "refused.files.many": "Повідомлення вміщує не більше ніж {most} файлів; у цьому їх більше.",
  "refused.files.missing": "Файлу {name} тут немає або вже немає. Надішліть його ще раз.",
  "tool.unknown_outcome":
    "{tool} почалося до збою, і ніхто не знає, чи завершилося. Повторно не запускалося. Спитайте, перш ніж повторювати.",
  "tool.cut_off":
    "{tool} вже почалося, коли його зупинили, і ніхто не знає, чи завершилося. Спитайте, перш ніж повторювати.",
  "tool.not_kept": "{tool} нічого не зберегло: відповідь зупинили, перш ніж вона була готова.",
  "tool.denied": "Цьому агентові не дозволено {tool}. Не запускалося.",
  "tool.denied_because": "{tool} не запущено: {reason}",
  "tool.needs_approval": "{tool} потребує згоди людини, а в цій версії нема кого спитати. Не запускалося.",
};
