/** What is known of the film, and what was done to it. */

import { useSignal } from "@preact/signals";
import { PixelSize } from "../calibrate/Calibrate";
import { setSubject } from "../edit/actions";
import { described } from "../edit/describe";
import { direction, language, moment, parse, said, t, upTo } from "../i18n";
import type { Subject } from "../contract";
import { annotator, film, steps, subject } from "../state/film";
import { Problem } from "../ui/Problem";

export function Facts() {
  const now = film.value;
  if (!now) return null;
  const [height, width] = now.size;
  const annotators = Object.keys(now.truth);
  return (
    <section class="about" aria-label={t("facts")}>
      {/* What is half typed belongs to the film that it was typed for. */}
      <PixelSize key={`size ${now.n}`} />
      <Patient key={`patient ${now.n}`} />
      <section class="block">
        <h2>{t("facts")}</h2>
        <dl>
          <dt>{t("film")}</dt>
          <dd>
            <bdi>{now.file}</bdi>
          </dd>
          <dt>{t("size")}</dt>
          <dd>
            <bdi>
              {upTo(width, 0)} × {upTo(height, 0)}
            </bdi>
            {t("comma")}
            {t("depth_bits", { bits: now.depth })}
          </dd>
          {now.facing && (
            <>
              <dt>{t("facing")}</dt>
              <dd>{said(now.facing)}</dd>
            </>
          )}
          {annotators.length > 1 && (
            <>
              <dt>{t("annotator")}</dt>
              <dd>
                <select aria-label={t("annotator")} value={annotator.value} onChange={(event) => (annotator.value = event.currentTarget.value)}>
                  {annotators.map((name) => (
                    <option key={name} value={name}>
                      {said(name)}
                    </option>
                  ))}
                </select>
              </dd>
            </>
          )}
        </dl>
        {[now.doubt, ...now.notes].filter(Boolean).map((note) => (
          <p key={note} class="notice" lang={language.value} dir={direction.value}>
            {said(note)}
          </p>
        ))}
      </section>
      <Journal />
    </section>
  );
}

/** Years; the server refuses others. */
const AGES = [0, 120] as const;

function Patient() {
  const { age, sex } = subject.value;
  const put = (part: Partial<Subject>) => setSubject({ ...subject.peek(), ...part });
  /** What is in the field, until it is an age. */
  const typed = useSignal<string | null>(null);
  const problem = useSignal("");
  const setAge = (text: string) => {
    const years = text.trim() ? parse(text) : null;
    const isPossible = years === null || (years >= AGES[0] && years <= AGES[1]);
    problem.value = isPossible ? "" : t("age_bad", { low: AGES[0], high: AGES[1] });
    if (!isPossible) return;
    typed.value = null;
    put({ age: years });
  };
  return (
    <section class="block">
      <h2>{t("subject")}</h2>
      <div class="line-up">
        <label class="field">
          <span>{t("age")}</span>
          <input
            inputMode="decimal"
            size={4}
            value={typed.value ?? (age === null ? "" : upTo(age, 1))}
            onInput={(event) => (typed.value = event.currentTarget.value)}
            onChange={(event) => setAge(event.currentTarget.value)}
            aria-invalid={problem.value !== ""}
            aria-describedby="age-problem"
          />
        </label>
        <label class="field">
          <span>{t("sex")}</span>
          <select value={sex ?? ""} onChange={(event) => put({ sex: (event.currentTarget.value || null) as Subject["sex"] })}>
            <option value="">{t("sex_unknown")}</option>
            <option value="female">{t("female")}</option>
            <option value="male">{t("male")}</option>
          </select>
        </label>
      </div>
      <Problem id="age-problem" text={problem.value} />
    </section>
  );
}

const MOST_ENTRIES = 100;

function Journal() {
  const entries = steps.value.slice(-MOST_ENTRIES).reverse();
  return (
    <section class="block">
      <h2>{t("history")}</h2>
      {!entries.length && <p class="quiet">{t("history_none")}</p>}
      <ol class="journal" reversed start={steps.value.length}>
        {entries.map((step, index) => (
          <li key={steps.value.length - index}>
            {described(step.edit)}
            {step.undoes && <em> {t(step.undoes.undoes ? "history_redo" : "history_undo")}</em>}
            <small>
              <bdi>{step.reviewer || t("someone")}</bdi> {moment(step.time)}
            </small>
          </li>
        ))}
      </ol>
    </section>
  );
}
