/** Bodies from a JSON schema: mostly right, now and then wrong in one place, so that they get past the border. */
import fc from "fast-check";
import { pictureUrl } from "./start.js";

interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  additionalProperties?: boolean | Schema;
}

const picture = pictureUrl("bilevel.png", "image/png");
/** Data: URLs, most of them broken somewhere. */
const url = fc.oneof(
  { weight: 4, arbitrary: fc.constant(picture) },
  fc.nat(picture.length).map((length) => picture.slice(0, length)),
  fc.tuple(fc.nat(picture.length - 1), fc.string({ minLength: 1, maxLength: 3 })).map(([at, text]) => {
    return picture.slice(0, at) + text + picture.slice(at + text.length);
  }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => `data:image/jpeg;base64,${Buffer.from(bytes).toString("base64")}`),
  fc.constantFrom(
    "http://127.0.0.1/",
    "https://[::1]/x.png",
    "file:///etc/passwd",
    "data:,",
    "data:image/gif;base64,R0lGODlh",
  ),
  fc.string(),
);
const draft = fc.oneof(
  fc.string(),
  fc.constantFrom("the cat is on the mat", "<image>", "<|eot_id|> a", "[[2]] is [[1]]", "\u{1f600}"),
);

/** Short answers: how long they take is not the question. */
const MOST = 12;
const special: Record<string, fc.Arbitrary<unknown>> = {
  url,
  image: url,
  draft,
  template: fc.oneof(draft, fc.constantFrom("A [[2]] is at the [[3]].", "[[0]]", "[[", "[[99999999]]")),
  max_tokens: fc.nat(MOST),
  max_completion_tokens: fc.constant(null),
  block_length: fc.constantFrom(null, 1, 2, 4),
  steps: fc.oneof(fc.constant(null), fc.nat(MOST)),
  model: fc.constantFrom(null, "tiny", "other"),
};

const sometimes = (usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 60, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() });

export function bodiesOf(schema: Schema, name = ""): fc.Arbitrary<unknown> {
  if (special[name] !== undefined) return sometimes(special[name]);
  return sometimes(plain(schema));
}

function plain(schema: Schema): fc.Arbitrary<unknown> {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => bodiesOf(choice)));
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const { minimum = -1e6, maximum = 1e6 } = schema;
  switch (schema.type) {
    case "string":
      return draft;
    case "integer":
      return fc.integer({ min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) });
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(bodiesOf(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, 3),
      });
    case "object":
      return objects(schema);
    default:
      return fc.jsonValue();
  }
}

function objects({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const known = Object.entries(properties);
  const must = known.filter(([key]) => required.includes(key));
  const may = known.filter(([key]) => !required.includes(key));
  const values = (entries: typeof known) =>
    Object.fromEntries(entries.map(([key, value]) => [key, bodiesOf(value, key)]));
  return fc
    .tuple(
      fc.record(values(must)),
      fc.subarray(may, { maxLength: Math.min(4, may.length) }).chain((some) => fc.record(values(some))),
      fc.oneof({ weight: 30, arbitrary: fc.constant({}) }, fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 1 })),
      fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, fc.constantFrom(...required, "")),
    )
    .map(([needed, optional, extra, dropped]) => {
      const all: Record<string, unknown> = { ...needed, ...optional, ...extra };
      if (dropped !== undefined) delete all[dropped];
      return all;
    });
}
