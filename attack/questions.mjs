// Ordinary requests, which attacks are made of and neighbours send.

import sharp from "sharp";

export const CHAT = "/v1/chat/completions";

const picture = await sharp({ create: { width: 96, height: 96, channels: 3, background: "#7ece86" } })
  .png()
  .toBuffer();
export const PICTURE = picture;
export const PICTURE_URL = `data:image/png;base64,${picture.toString("base64")}`;

/** @param {string} text @param {object} [fields] */
export const ask = (text, fields = {}) => ({ messages: [{ role: "user", content: text }], max_tokens: 8, ...fields });

/** @param {string} url @param {object} [fields] */
export const askAbout = (url, fields = {}) => ({
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url } },
        { type: "text", text: "Please describe the image in detail." },
      ],
    },
  ],
  max_tokens: 8,
  ...fields,
});

/** What a neighbour asks, and reads step by step. */
export const CAPTION = askAbout(PICTURE_URL, { max_tokens: 48, stream: true, diffusion_trace: true });
