/** Whether everything is on disk. */

import { nudging } from "../edit/actions";
import { queueState, waiting } from "../edit/saving";
import { t } from "../i18n";
import { carried } from "../stage/view";
import { film } from "../state/film";

export function SaveState() {
  const isMoving = nudging.value || carried.value !== null;
  const state = isMoving && queueState.value === "saved" ? "saving" : queueState.value;
  const count = waiting.value.length;
  if (!film.value) return null;
  return (
    <span class={`save-state ${state}`} data-state={state} role="status">
      <span aria-hidden="true">{state === "saved" ? "✓" : state === "saving" ? "…" : "!"}</span>{" "}
      {/* Read aloud with every edit, this would only hold up that it is saved. */}
      {state === "saving" && <span aria-hidden="true">{t("saving")}</span>}
      {state === "saved" && t("saved")}
      {state !== "saved" && state !== "saving" && t("unsaved", { count })}
    </span>
  );
}
