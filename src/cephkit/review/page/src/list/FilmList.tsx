/** The films: only the rows in sight are in the document, however many there are. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address } from "../api";
import type { FilmRow } from "../contract";
import { quantity, said, t, type Key } from "../i18n";
import { filter, rows, search, shown, sort } from "../state/films";
import { open, wanted } from "../state/open";
import { FILTERS, SORTS, type Filter, type Sort } from "./filter";
import { rowsInSight, scrolledTo } from "./window";

const ROW = 76;

export function FilmList({ chosen }: { chosen: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useSignal(0);
  const height = useSignal(600);
  /** The row that the arrow keys are on; Enter opens it. */
  const active = useSignal(0);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => (height.value = element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, [height]);

  const reveal = (index: number) => {
    const element = box.current;
    if (element) element.scrollTop = scrolledTo(index, element.scrollTop, element.clientHeight, ROW);
  };
  useSignalEffect(() => {
    const index = shown.value.findIndex((row) => row.n === wanted.value);
    if (index >= 0) {
      active.value = index;
      reveal(index);
    }
  });

  const go = (index: number) => {
    active.value = Math.min(Math.max(index, 0), shown.value.length - 1);
    reveal(active.value);
  };
  const pick = (row: FilmRow | undefined) => {
    if (!row) return;
    void open(row.n);
    chosen();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height.value / ROW) - 1);
    const moves: Record<string, number> = {
      ArrowDown: active.value + 1,
      ArrowUp: active.value - 1,
      PageDown: active.value + page,
      PageUp: active.value - page,
      Home: 0,
      End: shown.value.length - 1,
    };
    const index = moves[event.key];
    if (index !== undefined) go(index);
    else if (event.key === "Enter" || event.key === " ") pick(shown.value[active.value]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const sight = useComputed(() => rowsInSight(scrolled.value, height.value, ROW, shown.value.length));
  const { first, end } = sight.value;
  const visible = shown.value.slice(first, end);
  return (
    <section class="films" aria-label={t("films")}>
      <div class="list-tools">
        <input
          id="search"
          type="search"
          placeholder={t("search")}
          aria-label={t("search")}
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <label class="field">
          <span>{t("filter")}</span>
          <select value={filter.value} onChange={(event) => (filter.value = event.currentTarget.value as Filter)}>
            {FILTERS.map((name) => (
              <option key={name} value={name}>
                {t(`filter_${name}`)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{t("sort")}</span>
          <select value={sort.value} onChange={(event) => (sort.value = event.currentTarget.value as Sort)}>
            {SORTS.map((name) => (
              <option key={name} value={name}>
                {t(`sort_${name}`)}
              </option>
            ))}
          </select>
        </label>
        <span class="count" role="status">
          {t("shown_of", { shown: shown.value.length, all: rows.value.length })}
        </span>
        {shown.value.length === 0 && <p class="notice">{t("no_films")}</p>}
      </div>
      <div
        ref={box}
        class="rows"
        role="listbox"
        tabIndex={0}
        aria-label={t("film_list")}
        aria-activedescendant={shown.value.length ? `film-${shown.value[active.value]?.n ?? ""}` : undefined}
        onKeyDown={onKeyDown}
        onScroll={(event) => (scrolled.value = event.currentTarget.scrollTop)}
      >
        <div class="space" style={{ height: `${shown.value.length * ROW}px` }}>
          {visible.map((row, index) => (
            <Row key={row.n} row={row} index={first + index} isActive={first + index === active.value} pick={pick} />
          ))}
        </div>
      </div>
    </section>
  );
}

const SIGNS = { unreviewed: "○", started: "◐", confirmed: "●" } as const;

function Row({ row, index, isActive, pick }: { row: FilmRow; index: number; isActive: boolean; pick: (row: FilmRow) => void }) {
  const isOpen = wanted.value === row.n;
  return (
    <div
      id={`film-${row.n}`}
      class={`film-row${isOpen ? " open" : ""}${isActive ? " active" : ""}`}
      role="option"
      aria-selected={isOpen}
      aria-setsize={shown.value.length}
      aria-posinset={index + 1}
      style={{ transform: `translateY(${index * ROW}px)` }}
      onClick={() => pick(row)}
    >
      {row.broken ? <span class="thumbnail">×</span> : <img class="thumbnail" src={address.thumbnail(row.n, "")} alt="" loading="lazy" decoding="async" />}
      <div class="facts">
        <bdi class="name" title={row.file}>
          {row.id}
        </bdi>
        <span class={`status ${row.status}`}>
          <span aria-hidden="true">{SIGNS[row.status]}</span> {row.broken ? t("broken") : t(`status_${row.status}` satisfies Key)}
        </span>
        <span class="figures" title={said(row.doubt) || undefined}>{figures(row).join(t("comma"))}</span>
      </div>
    </div>
  );
}

function figures(row: FilmRow): string[] {
  if (row.broken) return [said(row.broken)];
  const found: string[] = [];
  if (row.doubt) found.push(`⚠ ${t("doubtful")}`);
  if (row.needs_review) found.push(t("row_review", { count: row.needs_review }));
  if (row.missing && row.points) found.push(t("row_missing", { count: row.missing }));
  if (row.largest_distance_mm !== null) found.push(t("row_distance", { value: quantity(row.largest_distance_mm, "mm") }));
  else if (row.largest_error_mm !== null) found.push(t("row_error", { value: quantity(row.largest_error_mm, "mm") }));
  return found;
}
