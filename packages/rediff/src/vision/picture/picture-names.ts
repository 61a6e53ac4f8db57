/** The one list of endings that name pictures. What a file is, its bytes say; an ending says what it was meant to be. */

const ENDINGS = [
  ...["jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "tif", "tiff", "avif"],
  ...["bmp", "dib", "heic", "heif", "hif"],
];

const NAME = new RegExp(`(?:^|\\.)(?:${ENDINGS.join("|")})$`, "i");

/** Of a file, or of a field of a tar sample (`left.jpg`, `jpg`). */
export const isPictureName = (name: string): boolean => NAME.test(name);
