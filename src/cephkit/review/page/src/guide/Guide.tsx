/** Beside the film while landmarks are placed: which one is next, what it is, and where it lies. */

import { t, titleOf } from "../i18n";
import { film } from "../state/film";
import { landmarkOf } from "../state/session";
import { Definition, Picture } from "../ui/Definition";
import { advance, back, guided, round, stop } from "./state";

export function Guide() {
  const symbol = guided.value;
  const landmark = symbol && landmarkOf(symbol);
  if (!landmark) return null;
  const title = titleOf(landmark);
  const index = round.value.indexOf(symbol) + 1;
  return (
    <aside class={`guide floating${film.value?.facing === "left" ? " at-right" : ""}${landmark.drawn ? "" : " in-words"}`} aria-label={t("guide")}>
      <Picture landmark={landmark} />
      <div>
        <h2>
          <bdi>{symbol}</bdi> <bdi>{title}</bdi>
          <small>{t("guide_step", { index, count: round.value.length })}</small>
        </h2>
        <Definition landmark={landmark} />
        <p class="hint">{t("guide_hint")}</p>
        <div class="buttons">
          <button type="button" onClick={back} disabled={index <= 1}>
            {t("guide_back")}
          </button>
          <button type="button" onClick={advance}>
            {t("guide_skip")}
          </button>
          <button type="button" onClick={stop}>
            {t("close")}
          </button>
        </div>
      </div>
    </aside>
  );
}
