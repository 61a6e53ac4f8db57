/** Made by vite.config.ts. */
declare module "virtual:player" {
  export const player: import("./html-file.js").PlayerParts;
}
