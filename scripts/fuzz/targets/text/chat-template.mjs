// @ts-check
import { renderPrompt } from "../../../../packages/rediff/dist/text/chat-template.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const llada =
  "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + " +
  "message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}" +
  "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}" +
  "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

/** The template of a model folder, which somebody else wrote.
 *  @param {string} chatTemplate */
const render = (chatTemplate) =>
  renderPrompt(
    // What rendering asks of a tokenizer.
    /** @type {import("../../../../packages/rediff/dist/text/tokenizer.js").Tokenizer} */ (
      /** @type {unknown} */ ({ folder: "model", chatTemplate, specialTokens: { bos_token: "<s>" } })
    ),
    [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
    ],
  );

export default defineTarget({
  covers: ["text/chat-template.js", "bounds/bounded-template.js"],
  seeds: [
    llada,
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
    "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(bos_token) }}{% for i in range(3) %}{{ i }}{% endfor %}",
    "{%- if messages|length > 1 -%}{{ messages[1:] | tojson }}{%- endif -%}",
  ].map(utf8),
  dictionary: [
    "{%",
    "%}",
    "{{",
    "}}",
    "{% for i in range(9999999999) %}",
    "{% endfor %}",
    "{% if ",
    "{% endif %}",
    "range(",
    " | trim",
    " | tojson",
    "messages",
    "[",
    "]",
    "(",
    ")",
    "'",
    "+",
    " in ",
    "loop.index0",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{#",
    "#}",
    "namespace()",
  ],
  run: (input) => render(textOf(input)),
});
