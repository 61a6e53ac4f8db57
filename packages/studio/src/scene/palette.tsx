/** All stickers of the world in the chosen artwork. */
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app/app.js";
import { useRoving } from "../ui/roving.js";
import { startDrag } from "./drag.js";
import type { Catalog, Sticker } from "./scene.js";

export function Palette({
  catalog,
  style,
  onPut,
}: {
  catalog: Catalog;
  style: string;
  onPut: (sticker: Sticker, cell?: number) => void;
}) {
  const app = useApp();
  const roving = useRoving(catalog.names.length);
  return (
    <div class="palette" role="toolbar" aria-label="Stickers" ref={roving.container} onKeyDown={roving.onKeyDown}>
      {catalog.names.map((sticker, i) => (
        <button
          key={sticker.icon}
          type="button"
          class="sticker"
          data-roving
          aria-label={sticker.name}
          title={sticker.name}
          tabIndex={roving.tabIndex(i)}
          onFocus={() => roving.onFocus(i)}
          onClick={() => onPut(sticker)}
          onPointerDown={(event) =>
            startDrag(
              event,
              document.querySelector<HTMLElement>(".board"),
              async () => await app.sprites.url(style, sticker.icon),
              (cell) => onPut(sticker, cell),
            )
          }
        >
          <Drawing style={style} icon={sticker.icon} />
        </button>
      ))}
    </div>
  );
}

function Drawing({ style, icon }: { style: string; icon: string }) {
  const { sprites } = useApp();
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let current = true;
    sprites.url(style, icon).then(
      (found) => current && setUrl(found),
      () => current && setUrl(undefined),
    );
    return () => {
      current = false;
    };
  }, [sprites, style, icon]);
  return url === undefined ? <span class="sticker-blank" /> : <img src={url} alt="" draggable={false} />;
}
