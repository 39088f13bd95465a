/** Above the film: going through films and landmarks, looking, and taking back. */

import { useComputed, useSignal } from "@preact/signals";
import { redo, toggleFilm, undo } from "../edit/actions";
import { begin, guided, stop } from "../guide/state";
import { ruler, toggleRuler } from "../calibrate/state";
import { number, percent, t, upTo } from "../i18n";
import { confirmed, film, history, missing, needsReview } from "../state/film";
import { openNeighbour } from "../state/open";
import { landmarks, layers, say, session, type Layers } from "../state/session";
import { nextReview } from "../stage/keys";
import { change, fit, look, oneToOne, plainLook, ratio, view, zoom } from "../stage/view";
import { findAgain } from "../edit/actions";
import { Legend } from "./Legend";
import { Popover } from "./Popover";
import { Tool } from "./Tool";

export function Toolbar() {
  const now = film.value;
  const left = useComputed(() => landmarks.value.filter(({ symbol }) => needsReview(symbol)).length).value;
  const finding = useSignal(false);
  const find = async () => {
    finding.value = true;
    say(t("finding"));
    const text = await findAgain();
    finding.value = false;
    if (text) say(text);
  };
  return (
    <div class="toolbar" role="group" aria-label={t("film")}>
      <div class="set">
        <Tool icon="previous" class="mirrored" label={t("previous_film")} keys="PageUp" onClick={() => openNeighbour(-1)} />
        <Tool icon="next" class="mirrored" label={t("next_film")} keys="PageDown" onClick={() => openNeighbour(1)} />
      </div>
      <div class="set">
        <Tool icon="undo" class="mirrored" label={t("undo")} keys="Ctrl+Z" disabled={!history.value.undo.length} onClick={undo} />
        <Tool icon="redo" class="mirrored" label={t("redo")} keys="Ctrl+Y" disabled={!history.value.redo.length} onClick={redo} />
      </div>
      <div class="set">
        <Tool icon="out" label={t("zoom_out")} keys="-" onClick={() => zoom(0.8)} />
        <button type="button" class="tool scale" title={`${t("one_to_one")} (1)`} onClick={oneToOne}>
          <Zoom />
        </button>
        <Tool icon="in" label={t("zoom_in")} keys="+" onClick={() => zoom(1.25)} />
        <Tool icon="fit" label={t("fit")} keys="0" onClick={fit} />
      </div>
      <div class="set">
        <Popover icon="sun" label={t("look")}>
          <LookPanel />
        </Popover>
        <Tool icon="invert" label={t("invert")} keys="I" pressed={look.value.invert} onClick={() => change({ invert: !look.value.invert })} />
        <Popover icon="layers" label={t("layers")}>
          <LayerPanel />
        </Popover>
        <Tool icon="ruler" label={t("calibrate")} keys="K" pressed={ruler.value !== null} disabled={!now} onClick={toggleRuler} />
        {missing.value.length > 0 && now && (
          <Tool icon="add" label={`${t("guide")}: ${upTo(missing.value.length, 0)}`} hint={t("guide")} keys="G" pressed={guided.value !== null} onClick={() => (guided.value ? stop() : begin())}>
            <span class="count">{upTo(missing.value.length, 0)}</span>
          </Tool>
        )}
      </div>
      <div class="set end">
        {session.value?.has_model && (
          <Tool icon="find" label={t("find_again")} hint={t("find_again_hint")} keys="F" disabled={finding.value || !now} onClick={() => void find()}>
            <span class="word">{t(finding.value ? "finding" : "find_again")}</span>
          </Tool>
        )}
        {now?.predicted && (
          <button type="button" class="tool review" disabled={!left} title={left ? `${t("next_review")} (R)` : t("review_none")} aria-keyshortcuts="R" onClick={nextReview}>
            {left ? t("review_left", { count: left }) : `✓ ${t("reviewed")}`}
          </button>
        )}
        <button type="button" class={`tool main${confirmed.value ? " done" : ""}`} aria-pressed={confirmed.value} aria-keyshortcuts="Shift+C" title="Shift+C" disabled={!now} onClick={toggleFilm}>
          {confirmed.value ? `✓ ${t("film_confirmed")}` : t("confirm_film")}
        </button>
      </div>
    </div>
  );
}

function Zoom() {
  return <>{percent(view.value.scale * ratio.value)}</>;
}

function LookPanel() {
  const { brightness, contrast, gamma, local } = look.value;
  const slider = (label: string, value: number, low: number, high: number, put: (value: number) => void, text: string) => (
    <label class="slider">
      <span>{label}</span>
      <input type="range" dir="ltr" min={low} max={high} step={0.01} value={value} aria-valuetext={text} onInput={(event) => put(event.currentTarget.valueAsNumber)} />
      <output>{text}</output>
    </label>
  );
  const signed = (value: number) => number(100 * value, 0, true);
  return (
    <>
      {slider(t("brightness"), brightness, -1, 1, (value) => change({ brightness: value }), signed(brightness))}
      {slider(t("contrast"), contrast, -1, 1, (value) => change({ contrast: value }), signed(contrast))}
      {slider(t("gamma"), gamma, 0.3, 3, (value) => change({ gamma: value }), number(gamma, 2))}
      {slider(t("local"), local, 0, 1, (value) => change({ local: value }), number(100 * local))}
      <button type="button" onClick={plainLook}>
        {t("reset_look")}
      </button>
    </>
  );
}

const LAYERS: readonly (keyof Layers)[] = ["names", "outlines", "tracing", "regions", "truth", "predicted"];
const LAYER_KEYS: Partial<Record<keyof Layers, string>> = { names: "M", outlines: "O", tracing: "T", regions: "E", truth: "U", predicted: "P" };

function LayerPanel() {
  const has = (layer: keyof Layers) => {
    if (layer === "truth") return Object.keys(film.value?.truth ?? {}).length > 0;
    if (layer === "regions" && session.value?.has_model) return true;
    return !["predicted", "regions"].includes(layer) || Boolean(film.value?.predicted);
  };
  return (
    <>
      {LAYERS.filter(has).map((layer) => (
        <label key={layer} class="check">
          <input type="checkbox" checked={layers.value[layer]} onChange={(event) => (layers.value = { ...layers.value, [layer]: event.currentTarget.checked })} />
          <span>{t(`layer_${layer}`)}</span>
          <kbd>{LAYER_KEYS[layer]}</kbd>
        </label>
      ))}
      <Legend />
    </>
  );
}
