/** The live measurements. */

import { useComputed, useSignal } from "@preact/signals";
import type { Measurement } from "../contract";
import { direction, quantity, t, term, upTo } from "../i18n";
import { begin, missing } from "../guide/state";
import { film, lit } from "../state/film";
import { analysis, session } from "../state/session";
import { Bar } from "./Bar";
import { groups, measured, measureFailure } from "./state";
import { absentText, classShares, classText, deviationText, errorText, isBorderline, normText, valueText } from "./text";

const keyOf = (row: Measurement) => `${row.analysis}/${row.measurement}`;

export function Table() {
  const open = useSignal<string | null>(null);
  const hidden = useSignal(false);
  const visible = useComputed(() =>
    groups.value
      .map((group) => ({ ...group, rows: group.rows.filter((row) => row.value !== null || hidden.value) }))
      .filter((group) => group.rows.length),
  );
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
                {title || name}
              </option>
            ))}
          </select>
        </label>
      </div>
      {measureFailure.value && <p class="notice bad">{t("measure_failed", { reason: measureFailure.value })}</p>}
      {measured.value.notes.map((note) => (
        <p key={note} class="notice" lang="en" dir="ltr">
          {note}
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
                <bdi>{group.analysis}</bdi>
              </th>
            </tr>
            {group.rows.map((row) => (
              <Row key={keyOf(row)} row={row} open={open} />
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

const lightUp = (row: Measurement) => (lit.value = new Set(row.landmarks));
const dark = () => (lit.value = new Set());

function Row({ row, open }: { row: Measurement; open: { value: string | null } }) {
  const key = keyOf(row);
  const isOpen = open.value === key;
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
            onClick={() => (open.value = isOpen ? null : key)}
          >
            <bdi lang="en">{row.name}</bdi>
          </button>
        </th>
        <td class="number">
          <bdi class="value">{valueText(row)}</bdi> <bdi class="error" dir={direction.value}>{errorText(row)}</bdi>
        </td>
        <td class="number norm">{row.norm ? <bdi>{normText(row.norm, row.unit)}</bdi> : row.norm_withheld ? <small>{t("withheld")}</small> : ""}</td>
        <td class="deviation">
          <Bar row={row} />
          <bdi>{deviation}</bdi>
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
  const english = (text: string) => <bdi lang="en">{text}</bdi>;
  return (
    <dl>
      {row.absent && <dd>{t("absent", { reason: absentText(row.absent) })}</dd>}
      {row.standard_error !== null && <dd>{t("standard_error", { value: quantity(row.standard_error, row.unit, 2) })}</dd>}
      {row.norm_withheld && <dd>{t("norm_withheld", { reason: term(row.norm_withheld) })}</dd>}
      {row.class_withheld && <dd>{t("class_withheld", { reason: term(row.class_withheld) })}</dd>}
      {row.class_rule && (
        <>
          <dt>{t("rule")}</dt>
          <dd>{english(row.class_rule)}</dd>
        </>
      )}
      {row.norm?.source && (
        <>
          <dt>{t("source")}</dt>
          <dd>
            {english(row.norm.source)}
            {row.norm.sample && english(`, ${row.norm.sample}`)} {row.norm.note && english(`(${row.norm.note})`)}
          </dd>
        </>
      )}
      <dt>{t("landmarks")}</dt>
      <dd>{english(row.landmarks.join(" "))}</dd>
      {row.note && (
        <>
          <dt>{t("notes")}</dt>
          <dd>{english(row.note)}</dd>
        </>
      )}
    </dl>
  );
}

/** The classes of the face with how likely each is: the first thing that is asked. */
function Classes() {
  const rows = measured.value.rows.filter((row) => row.class !== null);
  if (!rows.length) return null;
  return (
    <div class="classes">
      <h2>{t("classes")}</h2>
      {rows.map((row) => (
        <div key={keyOf(row)} class="class-row" tabIndex={0} onPointerEnter={() => lightUp(row)} onPointerLeave={dark} onFocus={() => lightUp(row)} onBlur={dark}>
          <span class="question">
            {term(row.class_question)} <small lang="en">{row.name}</small>
          </span>
          <span class="answer">
            {classText(row)}
            <Shares row={row} />
          </span>
          <small class="rule" lang="en" dir="ltr">
            {row.class_rule}
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
            <title>{`${term(name)} ${upTo(100 * part, 0)} %`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
