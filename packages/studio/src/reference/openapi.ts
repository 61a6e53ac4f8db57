/** What of the server's openapi.json the page shows. */
import * as z from "zod/mini";

export interface Schema {
  $ref?: string | undefined;
  type?: string | string[] | undefined;
  const?: unknown;
  enum?: unknown[] | undefined;
  description?: string | undefined;
  properties?: Record<string, Schema> | undefined;
  required?: string[] | undefined;
  items?: Schema | undefined;
  anyOf?: Schema[] | undefined;
  oneOf?: Schema[] | undefined;
  allOf?: Schema[] | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
}

const schema: z.ZodMiniType<Schema> = z.object({
  $ref: z.optional(z.string()),
  type: z.optional(z.union([z.string(), z.array(z.string())])),
  const: z.optional(z.unknown()),
  enum: z.optional(z.array(z.unknown())),
  description: z.optional(z.string()),
  get properties() {
    return z.optional(
      z.record(
        z.string(),
        z.lazy(() => schema),
      ),
    );
  },
  required: z.optional(z.array(z.string())),
  get items() {
    return z.optional(z.lazy(() => schema));
  },
  get anyOf() {
    return z.optional(z.array(z.lazy(() => schema)));
  },
  get oneOf() {
    return z.optional(z.array(z.lazy(() => schema)));
  },
  get allOf() {
    return z.optional(z.array(z.lazy(() => schema)));
  },
  minimum: z.optional(z.number()),
  maximum: z.optional(z.number()),
});

const content = z.optional(z.record(z.string(), z.object({ schema })));

const operation = z.object({
  summary: z.string(),
  parameters: z.optional(
    z.array(z.object({ name: z.string(), in: z.string(), description: z.optional(z.string()), schema })),
  ),
  requestBody: z.optional(z.object({ content })),
  responses: z.record(z.string(), z.object({ description: z.optional(z.string()), content })),
});
export type Operation = z.infer<typeof operation>;

export const openApiSchema = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.optional(z.string()) }),
  paths: z.record(z.string(), z.object({ get: z.optional(operation), post: z.optional(operation) })),
  components: z.object({ schemas: z.record(z.string(), schema) }),
});
export type OpenApi = z.infer<typeof openApiSchema>;

export interface ShownField {
  name: string;
  type: string;
  required: boolean;
  description: string;
}

/** Behind its reference; of one that is not there, nothing is known. */
export function resolved(api: OpenApi, given: Schema): Schema {
  const name = given.$ref?.replace("#/components/schemas/", "");
  return name === undefined ? given : (api.components.schemas[name] ?? {});
}

/** Fields of a body, those of its parts together. */
export function fieldsOf(api: OpenApi, given: Schema): ShownField[] {
  const { properties = {}, required = [], allOf = [] } = resolved(api, given);
  const own = Object.entries(properties).map(([name, field]) => ({
    name,
    type: typeText(field),
    required: required.includes(name),
    description: descriptionOf(field),
  }));
  return [...own, ...allOf.flatMap((part) => fieldsOf(api, part))];
}

function descriptionOf(field: Schema): string {
  return field.description ?? [...(field.anyOf ?? []), ...(field.oneOf ?? [])].map(descriptionOf).find(Boolean) ?? "";
}

/** "integer from 1", "one of legacy, correct", "list of object", "number or null" */
export function typeText(field: Schema, depth = 0): string {
  const choices = field.anyOf ?? field.oneOf;
  if (depth > 3) return "object";
  if (choices !== undefined) return [...new Set(choices.map((one) => typeText(one, depth + 1)))].join(" or ");
  if (field.$ref !== undefined) return field.$ref.split("/").at(-1) ?? "object";
  if (field.enum !== undefined) return `one of ${field.enum.map(String).join(", ")}`;
  if (field.const !== undefined) return JSON.stringify(field.const);
  const types = typeof field.type === "string" ? [field.type] : (field.type ?? ["anything"]);
  return types
    .map((type) =>
      type === "array" && field.items ? `list of ${typeText(field.items, depth + 1)}` : type + bounds(field),
    )
    .join(" or ");
}

/** Not the largest number that JavaScript counts exactly, which says nothing. */
function bounds({ type, minimum, maximum }: Schema): string {
  if (type !== "integer" && type !== "number") return "";
  const isSaid = (limit: number | undefined) => limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER;
  return `${isSaid(minimum) ? ` from ${minimum}` : ""}${isSaid(maximum) ? ` to ${maximum}` : ""}`;
}
