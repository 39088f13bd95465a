/** The list of landmarks: the keyboard's way to each of them, and how each stands. */

import { useEffect, useRef } from "preact/hooks";
import { confirmAll, remove, reset, resetAll, select, toggleConfirmed } from "../edit/actions";
import { standing } from "../edit/describe";
import { begin } from "../guide/state";
import { quantity, t, titleOf } from "../i18n";
import type { LandmarkInfo } from "../contract";
import { inspect } from "../stage/view";
import { base, expectedErrorOf, film, lit, meanMm, missing, placed, pointSignal, scaleMm, selected } from "../state/film";
import { landmarks } from "../state/session";
import { Definition, Picture } from "../ui/Definition";
import { Shape } from "../ui/Legend";
import { Said } from "../ui/Said";
import { distance } from "../overlay/geometry";
import { same } from "../edit/edits";

export function Landmarks() {
  if (!film.value) return null;
  const isPlaced = placed.value.length > 0;
  return (
    <section class="landmarks" aria-label={t("landmarks")}>
      <div class="line-up">
        {missing.value.length > 0 && (
          <button type="button" onClick={() => begin()}>
            {t("guide")}
          </button>
        )}
        <button type="button" disabled={!isPlaced} onClick={confirmAll}>
          {t("confirm_all")}
        </button>
        <button type="button" onClick={() => window.confirm(t("reset_all_ask")) && resetAll()}>
          {t("reset_all")}
        </button>
      </div>
      <ul aria-label={t("landmark_list")}>
        {landmarks.value.map((landmark) => (
          <Item key={landmark.symbol} landmark={landmark} />
        ))}
      </ul>
    </section>
  );
}

/** The expected error of a point that nobody has settled. */
function doubtText(symbol: string): string {
  const pixels = expectedErrorOf(symbol);
  if (pixels === null) return "";
  const mm = meanMm.value;
  const value = mm ? quantity(pixels * mm, "mm") : t("pixels", { value: quantity(pixels, "") });
  return t("expected_error", { value });
}

function Item({ landmark }: { landmark: LandmarkInfo }) {
  const { symbol, tissue, mirror } = landmark;
  const point = pointSignal(symbol).value;
  const isOpen = selected.value === symbol;
  const pick = () => {
    select(isOpen ? null : symbol);
    if (!isOpen && point) inspect(point.at);
  };
  const doubt = doubtText(symbol);
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isOpen) item.current?.scrollIntoView({ block: "nearest" });
  }, [isOpen]);
  return (
    <li ref={item} class={isOpen ? "open" : ""} onPointerEnter={() => (lit.value = new Set(mirror ? [symbol, mirror] : [symbol]))} onPointerLeave={() => (lit.value = new Set())}>
      <button type="button" class="plain" aria-expanded={isOpen} onClick={pick}>
        <Shape tissue={tissue} />
        <b lang="en" dir="ltr">{symbol}</b>
        <span class="title" title={titleOf(landmark)}>
          <bdi>{titleOf(landmark)}</bdi>
        </span>
        <span class="state">{standing(symbol)}</span>
      </button>
      {isOpen && (
        <div class="more">
          <Picture landmark={landmark} />
          <Definition landmark={landmark} />
          {doubt && <p class="doubt">{doubt}</p>}
          <Distance symbol={symbol} />
          <div class="buttons">
            <Buttons symbol={symbol} />
          </div>
        </div>
      )}
    </li>
  );
}

function Buttons({ symbol }: { symbol: string }) {
  const point = pointSignal(symbol).value;
  if (!point)
    return (
      <button type="button" onClick={() => begin(symbol)}>
        {t("place_point")}
      </button>
    );
  const first = base.value.get(symbol) ?? null;
  return (
    <>
      <button type="button" aria-pressed={point.confirmed} onClick={() => toggleConfirmed(symbol)}>
        {t(point.confirmed ? "unconfirm_point" : "confirm_point")}
      </button>
      {first && (
        <button type="button" disabled={same(first, point)} onClick={() => reset(symbol)}>
          {t(first.origin === "label" ? "reset_label" : "reset_point")}
        </button>
      )}
      <button type="button" onClick={() => remove(symbol)}>
        {t("remove_point")}
      </button>
    </>
  );
}

/** To the truth of a data set. */
function Distance({ symbol }: { symbol: string }) {
  const point = pointSignal(symbol).value;
  const truths = Object.entries(film.value?.truth ?? {}).filter(([, points]) => points[symbol]);
  if (!point || !truths.length) return null;
  const mm = scaleMm.value;
  return (
    <>
      {truths.map(([name, points]) => {
        const truth = points[symbol];
        if (!truth) return null;
        const away = distance(point.at, truth, mm ?? [1, 1]);
        return (
          <p key={name} class="doubt">
            <Said text={name} />: {mm ? quantity(away, "mm", 2) : t("pixels", { value: quantity(away, "") })}
          </p>
        );
      })}
    </>
  );
}

