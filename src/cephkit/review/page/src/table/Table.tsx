/** The live measurements. */

import { useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Measurement } from "../contract";
import { direction, fromRight, language, languageOf, quantity, said, t, upTo } from "../i18n";
import { begin } from "../guide/state";
import { film, lit, missing } from "../state/film";
import { analysis, session } from "../state/session";
import { steady } from "../state/steady";
import { Said } from "../ui/Said";
import { Bar } from "./Bar";
import { grouped, keyOf, measured, measureFailure, rowAt } from "./state";
import { absentText, classShares, classText, deviationText, errorText, isBorderline, normText, valueText } from "./text";

export function Table() {
  const open = useSignal<string | null>(null);
  const hidden = useSignal(false);
  const visible = useSteady(() => grouped(hidden.value));
  const notes = useSteady(() => measured.value.notes);
  const absent = useComputed(() => measured.value.rows.filter((row) => row.value === null).length);
  return (
    <section class="measurements" aria-label={t("measurements")}>
      <div class="line-up">
        <label class="field">
          <span>{t("analysis")}</span>
          <select value={analysis.value} onChange={(event) => (analysis.value = event.currentTarget.value)}>
            <option value="">{t("all_rows")}</option>
            {session.value?.analyses.map(({ name, title }) => (
              <option key={name} value={name}>
                {said(title || name)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {measureFailure.value && <p class="notice bad">{t("measure_failed", { reason: said(measureFailure.value) })}</p>}
      {notes.value.map((note) => (
        <p key={note} class="notice" lang={language.value} dir={direction.value}>
          {said(note)}
        </p>
      ))}
      <Classes />
      <table class="numbers" aria-label={t("measurements")}>
        <thead>
          <tr>
            <th scope="col">{t("measurement")}</th>
            <th scope="col" class="number">{t("value")}</th>
            <th scope="col" class="number">{t("norm")}</th>
            <th scope="col">{t("deviation")}</th>
          </tr>
        </thead>
        {visible.value.map((group) => (
          <tbody key={group.analysis}>
            <tr class="group">
              <th colSpan={4} scope="rowgroup">
                <bdi>{said(group.analysis)}</bdi>
              </th>
            </tr>
            {group.keys.map((key) => (
              <Row key={key} name={key} open={open} />
            ))}
          </tbody>
        ))}
      </table>
      {!visible.value.length && film.value && missing.value.length > 0 && (
        <p class="line-up">
          <button type="button" onClick={() => begin()}>
            {t("guide")}
          </button>
        </p>
      )}
      {absent.value > 0 && (
        <button type="button" class="link" onClick={() => (hidden.value = !hidden.value)}>
          {t("hidden_rows", { count: absent.value })}: {t(hidden.value ? "hide_hidden" : "show_hidden")}
        </button>
      )}
    </section>
  );
}

const useSteady = <Value,>(compute: () => Value) => useMemo(() => steady(compute), []);
const lightUp = (row: Measurement) => (lit.value = new Set(row.landmarks));
const dark = () => (lit.value = new Set());

/** Each row follows its own figures: few change when a landmark moves. */
function Row({ name, open }: { name: string; open: { value: string | null } }) {
  const row = useComputed(() => rowAt(name)).value;
  const isOpen = useComputed(() => open.value === name).value;
  if (!row) return null;
  const deviation = deviationText(row);
  return (
    <>
      <tr class={isOpen ? "row open" : "row"} onPointerEnter={() => lightUp(row)} onPointerLeave={dark}>
        <th scope="row">
          <button
            type="button"
            class="plain"
            aria-expanded={isOpen}
            onFocus={() => lightUp(row)}
            onBlur={dark}
            onClick={() => (open.value = isOpen ? null : name)}
          >
            <Said text={row.name} />
          </button>
        </th>
        <td class="number">
          <bdi class="value" dir={fromRight.value}>{valueText(row)}</bdi> <bdi class="error" dir={direction.value}>{errorText(row)}</bdi>
        </td>
        <td class="number norm">{row.norm ? <bdi dir={fromRight.value}>{normText(row.norm, row.unit)}</bdi> : row.norm_withheld ? <small>{t("withheld")}</small> : ""}</td>
        <td class="deviation">
          <Bar row={row} />
          <bdi dir={fromRight.value}>{deviation}</bdi>
        </td>
      </tr>
      {row.class && (
        <tr class="class-of">
          <td colSpan={4}>
            <em class={isBorderline(row) ? "border" : ""}>{classText(row)}</em>
          </td>
        </tr>
      )}
      {isOpen && (
        <tr class="details">
          <td colSpan={4}>
            <Details row={row} />
          </td>
        </tr>
      )}
    </>
  );
}

function Details({ row }: { row: Measurement }) {
  return (
    <dl>
      {row.absent && <dd>{t("absent", { reason: absentText(row.absent) })}</dd>}
      {row.standard_error !== null && <dd>{t("standard_error", { value: quantity(row.standard_error, row.unit, 2) })}</dd>}
      {row.norm_withheld && <dd>{t("norm_withheld", { reason: said(row.norm_withheld) })}</dd>}
      {row.class_withheld && <dd>{t("class_withheld", { reason: said(row.class_withheld) })}</dd>}
      {row.class_rule && (
        <>
          <dt>{t("rule")}</dt>
          <dd>
            <Said text={row.class_rule} />
          </dd>
        </>
      )}
      {row.norm?.source && (
        <>
          <dt>{t("source")}</dt>
          <dd>
            <Said text={row.norm.source} />
            {row.norm.sample && <Said text={row.norm.sample} before={t("comma")} />} {row.norm.note && <Said text={row.norm.note} before="(" after=")" />}
          </dd>
        </>
      )}
      <dt>{t("landmarks")}</dt>
      <dd><Said text={row.landmarks.join(" ")} /></dd>
      {row.note && (
        <>
          <dt>{t("notes")}</dt>
          <dd>
            <Said text={row.note} />
          </dd>
        </>
      )}
    </dl>
  );
}

/** The classes of the face with how likely each is: the first thing that is asked. */
function Classes() {
  const rows = useSteady(() => measured.value.rows.filter((row) => row.class !== null)).value;
  if (!rows.length) return null;
  return (
    <div class="classes">
      <h2>{t("classes")}</h2>
      {rows.map((row) => (
        <div key={keyOf(row)} class="class-row" tabIndex={0} onPointerEnter={() => lightUp(row)} onPointerLeave={dark} onFocus={() => lightUp(row)} onBlur={dark}>
          <span class="question">
            {said(row.class_question)} <small lang={languageOf(row.name)}>{said(row.name)}</small>
          </span>
          <span class="answer">
            {classText(row)}
            <Shares row={row} />
          </span>
          <small class="rule" lang={language.value} dir={direction.value}>
            {said(row.class_rule)}
          </small>
        </div>
      ))}
    </div>
  );
}

function Shares({ row }: { row: Measurement }) {
  let from = 0;
  return (
    <svg class="shares" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
      {classShares(row).map(({ name, share: part }, index) => {
        const x = from;
        from += 100 * part;
        return (
          <rect key={name} class={`share s${Math.min(index, 2)}`} x={x} width={Math.max(0, 100 * part - 0.7)} height="1">
            <title>{t("class_share", { name: said(name), value: upTo(100 * part, 0) })}</title>
          </rect>
        );
      })}
    </svg>
  );
}
