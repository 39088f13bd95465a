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
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, [isOpen]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen.value) return;
    isOpen.value = false;
    box.current?.querySelector("button")?.focus();
    event.stopPropagation();
    event.preventDefault();
  };
  return (
    <div class="popover" ref={box} onKeyDown={onKeyDown}>
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
