// @ts-check

import { BODY_LIMITS, JsonBounds } from "../../../../packages/rediff/dist/serving/bodies/json-bounds.js";
import { parseBody } from "../../../../packages/rediff/dist/serving/bodies/judge-body.js";
import { ApiError } from "../../../../packages/rediff/dist/serving/http/error-object.js";
import { chatBody } from "../../../../packages/rediff/dist/serving/schemas/chat-body.js";
import { fillBody, refineBody } from "../../../../packages/rediff/dist/serving/schemas/text-bodies.js";
import { json, textOf } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const url = "data:image/png;base64,iVBORw0KGgo=";

/** Bodies as the server takes them: counted, parsed, judged by a schema. */
export default defineTarget({
  covers: [
    "serving/bodies/judge-body.js",
    "serving/bodies/schema-error.js",
    "serving/schemas/chat-body.js",
    "serving/schemas/neutral-fields.js",
  ],
  seeds: [
    json({
      model: "m",
      messages: [{ role: "user", content: "Hi" }],
      stream: true,
      stop: ["a"],
      max_tokens: 8,
      seed: 1,
    }),
    json({
      messages: [
        { role: "system", content: [{ type: "text", text: "s" }] },
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url, detail: "auto" } },
            { type: "text", text: "x" },
          ],
        },
      ],
      temperature: 0,
      tools: [],
      response_format: { type: "text" },
    }),
    json({ model: "m", template: "A [[2]] sleeps.", image: url }),
    json({ model: "m", text: "A cat sleeps.", image: url }),
  ],
  dictionary: [
    '"messages":',
    '"role":',
    '"content":',
    '"type":',
    '"text"',
    '"image_url"',
    '"stop":',
    "null",
    "-1",
    "1e999",
    "[",
    "]",
    "{",
    "}",
    '"__proto__":',
    '"constructor":',
    '"tools":',
    '"stream":',
  ],
  run(input) {
    const excess = new JsonBounds(BODY_LIMITS).take(input);
    if (excess !== undefined) throw new ApiError(400, excess);
    const text = textOf(input);
    const [, schema = "messages"] = /"(template|text)":"/.exec(text) ?? [];
    return parseBody(text, schema === "template" ? fillBody : schema === "text" ? refineBody : chatBody);
  },
});
