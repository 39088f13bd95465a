/** Whether everything is on disk. */

import { queueState, waiting } from "../edit/saving";
import { t } from "../i18n";
import { film } from "../state/film";

export function SaveState() {
  const state = queueState.value;
  const count = waiting.value.length;
  if (!film.value) return null;
  return (
    <span class={`save-state ${state}`} data-state={state} role="status">
      <span aria-hidden="true">{state === "saved" ? "✓" : state === "saving" ? "…" : "!"}</span>{" "}
      {state === "saved" ? t("saved") : state === "saving" ? t("saving") : t("unsaved", { count })}
    </span>
  );
}
