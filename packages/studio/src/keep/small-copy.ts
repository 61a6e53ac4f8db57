/** A picture as small as a list shows it. */

/** Pixels of the longer side. */
const SIDE = 128;
/** Signs of a data: URL that is small enough as it is. */
const SMALL = 20_000;

/** @returns undefined where the browser cannot draw it */
export async function smallCopy(url: string): Promise<string | undefined> {
  if (url.length <= SMALL) return url;
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    return undefined;
  }
  const factor = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight, 1));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * factor));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * factor));
  const context = canvas.getContext("2d");
  if (context === null) return undefined;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.85);
}
