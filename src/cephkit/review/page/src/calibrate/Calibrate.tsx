/** The pixel size: from the ruler, or typed. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { setSpacing } from "../edit/actions";
import { number, parse, quantity, t, upTo } from "../i18n";
import { aspect, film, spacing } from "../state/film";
import { say } from "../state/session";
import { focusStage } from "../stage/view";
import { DecimalField } from "../ui/DecimalField";
import { Problem } from "../ui/Problem";
import { Said } from "../ui/Said";
import { isPossible, isSquare, lengthPixels, PIXEL_SIZES_MM, pixelSize, rulerOrigin, spacingOf, typedOrigin } from "./scale";
import { lengthMm, ruler, toggleRuler } from "./state";

function tell(size: number): string {
  if (isPossible(size, aspect.peek())) return "";
  return t("calibrate_bad", { low: upTo(PIXEL_SIZES_MM[0], 3), high: upTo(PIXEL_SIZES_MM[1], 3) });
}

/** What is known of the pixel size, and ways to change it. */
export function PixelSize() {
  const typed = useSignal("");
  const problem = useSignal("");
  const input = useRef<HTMLInputElement>(null);
  const now = spacing.value;
  const square = isSquare(aspect.value);
  const save = (event: Event) => {
    event.preventDefault();
    const size = parse(typed.value);
    problem.value = tell(size);
    if (problem.value) return;
    setSpacing(spacingOf(size, typedOrigin(aspect.peek()), now, aspect.peek()));
    say(t("calibrate_set", { value: quantity(size, "mm", 4) }));
    typed.value = "";
  };
  const remove = () => {
    setSpacing(null);
    say(t("calibrate_removed"));
    input.current?.focus(); // the button is gone
  };
  return (
    <section class="block" aria-label={t("calibration")}>
      <h2>{t("calibration")}</h2>
      {now ? (
        <p>
          {square ? quantity(now.row_mm, "mm", 4) : `${number(now.column_mm, 4)} × ${quantity(now.row_mm, "mm", 4)}`}{" "}
          <small>
            {t("calibration_origin")}: <Said text={now.origin} />
          </small>
        </p>
      ) : (
        <p class="notice">{t("calibration_none")}</p>
      )}
      <form class="line-up" onSubmit={save}>
        <button type="button" onClick={toggleRuler} aria-pressed={ruler.value !== null}>
          {t("calibrate")}
        </button>
        <DecimalField label={t(square ? "calibrate_typed" : "calibrate_width")} value={typed} problem={problem} problemId="pixel-size-problem" input={input} />
        <button type="submit" disabled={!typed.value.trim()}>
          {t("apply")}
        </button>
        {now && (
          <button type="button" onClick={remove}>
            {t("calibrate_remove")}
          </button>
        )}
      </form>
      {!square && <p class="notice">{t("calibrate_oblong", { ratio: upTo(aspect.value, 3) })}</p>}
      <Problem id="pixel-size-problem" text={problem.value} />
    </section>
  );
}

/** Over the film while the ruler is clicked. */
export function RulerPanel() {
  const problem = useSignal("");
  const input = useRef<HTMLInputElement>(null);
  const marks = ruler.value;
  const isMeasured = marks?.length === 2;
  useEffect(() => input.current?.focus(), [isMeasured]);
  if (!marks) return null;
  const [first, second] = marks;
  const mm = parse(lengthMm.value);
  const size = pixelSize(marks, mm, aspect.value);
  const close = () => {
    ruler.value = null;
    focusStage();
  };
  const save = (event: Event) => {
    event.preventDefault();
    problem.value = tell(size);
    if (problem.value || !first || !second) return;
    setSpacing(spacingOf(size, rulerOrigin(mm, lengthPixels(first, second)), spacing.value, aspect.peek()));
    say(t("calibrate_set", { value: quantity(size, "mm", 4) }));
    close();
  };
  return (
    <form class={`ruler-panel floating ${film.value?.facing === "left" ? "at-right" : ""}`} aria-label={t("calibrate")} onSubmit={save}>
      <p aria-live="polite">{t(!first ? "calibrate_first" : !second ? "calibrate_second" : "calibrate_third")}</p>
      {first && second && (
        <>
          <DecimalField label={t("calibrate_length")} value={lengthMm} problem={problem} problemId="ruler-problem" input={input} />
          {size > 0 && <output>{t("calibrate_result", { pixels: number(lengthPixels(first, second), 1), value: quantity(size, "mm", 4) })}</output>}
        </>
      )}
      <Problem id="ruler-problem" text={problem.value} />
      <div class="buttons">
        {first && second && (
          <button type="submit" class="main" disabled={!(size > 0)}>
            {t("apply")}
          </button>
        )}
        <button type="button" onClick={close}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}
