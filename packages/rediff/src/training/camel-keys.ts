/** Objects with snake_case keys as objects with camelCase ones, in types and in values. */

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;

export type CamelKeys<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T as K extends string ? Camel<K> : K]: CamelKeys<T[K]> }
    : T;

/** mm_vision_tower_lr -> mmVisionTowerLr, image_folder_2 -> imageFolder2; values in arrays stay as they are. */
export function camelKeys<T>(value: T): CamelKeys<T> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value as CamelKeys<T>;
  const entries = Object.entries(value).map(([key, inner]) => [camel(key), camelKeys(inner)]);
  return Object.fromEntries(entries) as CamelKeys<T>;
}

const camel = (key: string): string => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
