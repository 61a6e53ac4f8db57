/** Scenes and captions to start from: gallery.json, which rules have chosen (packages/rediff/src/demo/studio-gallery.ts). */
import type { Catalog, Scene } from "../scene/scene.js";
import { sceneOfFacts } from "../scene/scene-facts.js";
import gallery from "./gallery.json" with { type: "json" };

export interface GalleryText {
  text: string;
  scene: Scene;
}

/** The first is the one that the page opens with. */
export function galleryScenes(catalog: Catalog): Scene[] {
  return gallery.scenes.map(({ facts, style }) => sceneOfFacts(facts, style, catalog));
}

export function openingScene(catalog: Catalog): Scene {
  const [first] = gallery.scenes;
  if (first === undefined) throw new Error("gallery.json has no scenes");
  return sceneOfFacts(first.facts, first.style, catalog);
}

/** Captions of the gallery's scenes, in most of which one fact was changed. */
export function galleryDrafts(catalog: Catalog): GalleryText[] {
  return withScenes(
    gallery.drafts.map(({ text }) => text),
    catalog,
  );
}

/** True captions of the gallery's scenes with facts left open. */
export function galleryTemplates(catalog: Catalog): GalleryText[] {
  return withScenes(gallery.templates, catalog);
}

function withScenes(texts: readonly string[], catalog: Catalog): GalleryText[] {
  const scenes = galleryScenes(catalog);
  return texts.flatMap((text, i) => {
    const scene = scenes[i];
    return scene === undefined ? [] : [{ text, scene }];
  });
}

/** Of the gallery's captions. */
export const rightDrafts = gallery.drafts.filter(({ kind }) => kind === "none").length;

/** Captions without an error: in the published table, and of the same scenes as the page draws them. */
export const { table, page: heldOut, tokensPerStep } = gallery;
