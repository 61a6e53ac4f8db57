/** Icons of the page: strokes on a grid of 20, in the colour of the text. They never speak for themselves. */

const paths = {
  play: "M6.5 4.2v11.6L15.8 10z",
  pause: "M7 4.5v11M13 4.5v11",
  back: "M12.5 5 7.5 10l5 5",
  down: "m5.5 8 4.5 4.5L14.5 8",
  forward: "m7.5 5 5 5-5 5",
  restart: "M5 5v10M15 5l-6.5 5L15 15z",
  upload: "M10 13V4m0 0L6.5 7.5M10 4l3.5 3.5M4 13v2.5h12V13",
  download: "M10 4v9m0 0 3.5-3.5M10 13 6.5 9.5M4 13v2.5h12V13",
  folder: "M3.5 15.5v-11h5l1.6 2h6.4v9z",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  cross: "m5.5 5.5 9 9m0-9-9 9",
  copy: "M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3",
  stop: "M6 6h8v8H6z",
  send: "M10 16V4.5m0 0L5 9.5m5-5 5 5",
  sun: "M10 6.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zM10 2v1.6M10 16.4V18M2 10h1.6M16.4 10H18M4.4 4.4l1.1 1.1M14.5 14.5l1.1 1.1M15.6 4.4l-1.1 1.1M5.5 14.5l-1.1 1.1",
  moon: "M16 11.6A6.4 6.4 0 1 1 8.4 4a5 5 0 0 0 7.6 7.6z",
  auto: "M10 3.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM10 3.5v13",
  dice: "M4.5 4.5h11v11h-11zM7.5 7.5h.01M12.5 7.5h.01M10 10h.01M7.5 12.5h.01M12.5 12.5h.01",
  trash: "M4.5 6h11M8 6V4h4v2M6 6l.7 10h6.6L14 6",
  plus: "M10 4.5v11M4.5 10h11",
  retry: "M15.5 10a5.5 5.5 0 1 1-1.6-3.9M15.5 3.5v3.2h-3.2",
  key: "M12.8 3.8a3.4 3.4 0 1 1-2.6 5.6L4 15.6V17h2.6v-1.8h1.8v-1.8h1.7l1-1",
  warning: "M10 3.5 17.5 16h-15zM10 8v3.6M10 13.8h.01",
  info: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 9v4.5M10 6.5h.01",
  picture: "M3.5 4.5h13v11h-13zM3.5 13l4-4 3.5 3.5 2-2 3.5 3.5M13 7.5h.01",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={paths[name]} class={name === "play" || name === "stop" ? "solid" : undefined} />
    </svg>
  );
}
