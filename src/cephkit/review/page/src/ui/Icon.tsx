/** Small pictures on buttons; the button's label says what they mean. */

const PATHS = {
  undo: "M7 8H13a4 4 0 0 1 0 8H8M7 8l3-3M7 8l3 3",
  redo: "M13 8H7a4 4 0 0 0 0 8H12M13 8l-3-3M13 8l-3 3",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  in: "M4 10H16M10 4V16",
  out: "M4 10H16",
  invert: "M10 3a7 7 0 0 1 0 14zM10 3a7 7 0 1 0 0 14",
  sun: "M10 6.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M10 2V4M10 16V18M2 10H4M16 10H18M4.5 4.5L6 6M14 14l1.5 1.5M15.5 4.5L14 6M6 14l-1.5 1.5",
  layers: "M10 3l7 4-7 4-7-4zM3 10.5l7 4 7-4M3 14l7 4 7-4",
  next: "M8 4l6 6-6 6",
  previous: "M12 4l-6 6 6 6",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.7M10 14.5h.01",
  settings: "M3 6H9M13 6H17M3 14H7M11 14H17M11 4.2a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6M9 12.2a1.8 1.8 0 1 0 0 3.6a1.8 1.8 0 1 0 0-3.6",
  output: "M10 3V12M6.5 8.5L10 12l3.5-3.5M4 14v3H16V14",
  ruler: "M3 13L13 3l4 4L7 17zM6 10l2 2M9 7l2 2M12 4l1.5 1.5",
  add: "M10 3V17M3 10H17",
  search: "M8.5 3.5a5 5 0 1 0 0 10a5 5 0 1 0 0-10M12.5 12.5L17 17",
  check: "M4 10.5l4 4 8-9",
  find: "M10 5a5 5 0 1 0 0 10a5 5 0 1 0 0-10M10 2V6M10 14v4M2 10H6M14 10h4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
