/** Whose artwork the pictures show, and on what terms: written beside the pictures, because two of the licences ask for
 *  the author's name and one that what is made of it is shared alike. */
import { type Style, styles } from "../world/world.js";

export interface ArtworkLicense {
  title: string;
  author: string;
  license: string;
  url: string;
  source: string;
}

export const artworkLicenses: Readonly<Record<Style, ArtworkLicense>> = {
  noto: {
    title: "Noto Emoji",
    author: "Google Inc",
    license: "Apache License 2.0",
    url: "https://www.apache.org/licenses/LICENSE-2.0",
    source: "https://github.com/googlefonts/noto-emoji",
  },
  twemoji: {
    title: "Twemoji",
    author: "Twitter and contributors",
    license: "CC BY 4.0",
    url: "https://creativecommons.org/licenses/by/4.0/",
    source: "https://github.com/jdecked/twemoji",
  },
  "fluent-emoji-flat": {
    title: "Fluent Emoji (flat)",
    author: "Microsoft Corporation",
    license: "MIT",
    url: "https://opensource.org/license/mit",
    source: "https://github.com/microsoft/fluentui-emoji",
  },
  openmoji: {
    title: "OpenMoji",
    author: "OpenMoji, HfG Schwaebisch Gmuend",
    license: "CC BY-SA 4.0",
    url: "https://creativecommons.org/licenses/by-sa/4.0/",
    source: "https://github.com/hfg-gmuend/openmoji",
  },
  emojione: {
    title: "Emojitwo (Emoji One 2)",
    author: "Emoji One and the Emojitwo community",
    license: "CC BY 4.0",
    url: "https://creativecommons.org/licenses/by/4.0/",
    source: "https://github.com/EmojiTwo/emojitwo",
  },
};

/** The LICENSES file of a folder of pictures. `scene.style` in scenes.jsonl says which of them a picture shows. */
export function licensesText(used: readonly Style[] = styles): string {
  const entries = used.map((style) => {
    const { title, author, license, url, source } = artworkLicenses[style];
    return `${style}\n  ${title} by ${author}, ${source}\n  ${license}, ${url}`;
  });
  return `The pictures in this folder were composed by "rediff scenes" of emoji artwork, cut, scaled, turned and mirrored,
on backgrounds of its own. The style of each picture is in scenes.jsonl (scene.style).

${entries.join("\n\n")}
`;
}
