/** A dialog over the page; Escape closes it, and the focus goes back to where it was. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";

interface Props {
  title: string;
  /** The id of what is read with the title, when the dialog opens by itself. */
  describedBy?: string;
  close: () => void;
  children: ComponentChildren;
}

export function Modal({ title, describedBy, close, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  // Before anything else can happen: an Escape that follows at once must find the dialog open.
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const onBackdrop = (event: MouseEvent) => {
    if (event.target === box.current) close();
  };
  return (
    <dialog ref={box} aria-label={title} aria-describedby={describedBy} onClose={close} onClick={onBackdrop}>
      <div class="dialog">
        <header>
          <h2>{title}</h2>
          <button type="button" class="tool" aria-label={t("close")} onClick={close}>
            ×
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
