/** What is wrong with what was typed into a field; the field is described by `id`. */
export function Problem({ id, text }: { id: string; text: string }) {
  return (
    <div id={id} aria-live="polite">
      {text && <p class="notice bad">{text}</p>}
    </div>
  );
}
