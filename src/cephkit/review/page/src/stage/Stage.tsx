/** The film with everything on it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Refused } from "../api";
import { RulerPanel } from "../calibrate/Calibrate";
import { ruler } from "../calibrate/state";
import { reload } from "../edit/saving";
import { LOUPE_SIDE } from "../film/loupe";
import { Scene } from "../film/scene";
import { Guide } from "../guide/Guide";
import { guided } from "../guide/state";
import { said, t } from "../i18n";
import { Overlay } from "../overlay/Overlay";
import { failed, film, opening } from "../state/film";
import { ahead } from "../state/open";
import { Pointers } from "./pointers";
import { carrying, fitOnChange, ratio, stageSize } from "./view";

export function Stage() {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const loupe = useRef<HTMLCanvasElement>(null);
  const trouble = useSignal("");
  const canDraw = useSignal(true);

  useEffect(() => {
    const element = box.current;
    if (!element || !canvas.current || !loupe.current) return;
    const resized = () => {
      stageSize.value = { width: element.clientWidth, height: element.clientHeight };
      ratio.value = window.devicePixelRatio || 1;
    };
    resized();
    const observer = new ResizeObserver(resized);
    observer.observe(element);
    window.addEventListener("resize", resized);
    const stopFitting = fitOnChange();
    const scene = new Scene(
      canvas.current,
      loupe.current,
      (error) => {
        trouble.value = error instanceof Error ? error.message : String(error);
        const now = film.peek();
        if (!now || !(error instanceof Refused) || error.status !== 409) return;
        ahead.value = []; // it may be one of these whose file was replaced
        void reload(now.n);
      },
      (complete) => {
        element.dataset.complete = complete ? (film.peek()?.hash ?? "") : "";
        if (complete) trouble.value = "";
      },
    );
    canDraw.value = scene.canDraw;
    const pointers = new Pointers(element);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", resized);
      stopFitting();
      scene.end();
      pointers.end();
    };
  }, [trouble, canDraw]);

  const name = film.value?.id ?? "";
  const mode = ruler.value ? "marking" : guided.value ? "placing" : "";
  return (
    <div
      ref={box}
      id="stage"
      class={`stage ${mode}`}
      dir="ltr"
      tabIndex={0}
      role="application"
      aria-label={name ? t("film_view", { name }) : t("film")}
      aria-busy={opening.value}
    >
      <canvas ref={canvas} class="film" />
      <Overlay />
      {guided.value && <div class="cross" aria-hidden="true" />}
      <Loupe canvas={loupe} />
      <RulerPanel />
      <Guide />
      {!film.value && !failed.value && <p class="middle">{t(opening.value ? "loading" : "choose_film")}</p>}
      {(failed.value || trouble.value) && (
        <p class="middle bad" role="alert">
          {t("film_failed", { reason: said(failed.value || trouble.value) })}
        </p>
      )}
      {!canDraw.value && (
        <p class="middle bad" role="alert">
          {t("no_webgl")}
        </p>
      )}
    </div>
  );
}

/** Follows the pointer during a drag, always beside it and on the stage. */
function Loupe({ canvas }: { canvas: { current: HTMLCanvasElement | null } }) {
  const frame = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const element = frame.current;
    const carried = carrying.value;
    if (!element) return;
    element.hidden = !carried;
    if (!carried) return;
    const [x, y] = carried.pointer;
    const { width, height } = stageSize.peek();
    const gap = 34;
    const left = x + gap + LOUPE_SIDE < width ? x + gap : x - gap - LOUPE_SIDE;
    const top = y - gap - LOUPE_SIDE > 0 ? y - gap - LOUPE_SIDE : y + gap;
    const inside = (value: number, room: number) => Math.min(Math.max(value, 4), Math.max(4, room - LOUPE_SIDE - 4));
    element.style.transform = `translate(${inside(left, width)}px, ${inside(top, height)}px)`;
  });
  return (
    <div ref={frame} class="loupe" hidden aria-hidden="true">
      <canvas ref={canvas} />
      <svg viewBox="-88 -88 176 176">
        <path class="halo" d="M-88 0H-6M6 0H88M0 -88V-6M0 6V88" />
        <path class="ink" d="M-88 0H-6M6 0H88M0 -88V-6M0 6V88" />
      </svg>
    </div>
  );
}
