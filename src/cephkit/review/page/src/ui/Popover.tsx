/** A button that opens a small panel below itself. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./Icon";

export function Popover({ icon, label, children }: { icon: IconName; label: string; children: ComponentChildren }) {
  const isOpen = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const outside = (event: Event) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) isOpen.value = false;
    };
    // Wherever the focus is: not every browser gives it to a button that is clicked.
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !isOpen.peek()) return;
      isOpen.value = false;
      box.current?.querySelector("button")?.focus();
      event.stopPropagation();
      event.preventDefault();
    };
    document.addEventListener("pointerdown", outside, true);
    document.addEventListener("focusin", outside, true);
    document.addEventListener("keydown", escape, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      document.removeEventListener("focusin", outside, true);
      document.removeEventListener("keydown", escape, true);
    };
  }, [isOpen]);
  return (
    <div class="popover" ref={box}>
      <button type="button" class="tool" aria-expanded={isOpen.value} aria-label={label} title={label} onClick={() => (isOpen.value = !isOpen.value)}>
        <Icon name={icon} />
      </button>
      {isOpen.value && (
        <div class="panel" role="group" aria-label={label}>
          {children}
        </div>
      )}
    </div>
  );
}
