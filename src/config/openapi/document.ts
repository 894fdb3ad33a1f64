/** A part of a document in YAML or JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** What a `$ref` within the document stands for. */
export function resolved(root: Json, value: unknown, depth = 0): unknown {
  const reference = mapOf(value).$ref;
  if (typeof reference !== 'string' || depth > 16) return value;
  if (!reference.startsWith('#/')) return undefined;
  const steps = reference
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const target = steps.reduce<unknown>(
    (at, step) => (isMap(at) && Object.hasOwn(at, step) ? at[step] : undefined),
    root,
  );
  return resolved(root, target, depth + 1);
}

export function mapOf(value: unknown): Json {
  return isMap(value) ? value : {};
}

export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As it may stand in a comment. */
export function oneLine(text: unknown): string {
  return typeof text === 'string'
    ? text
        .replace(/[\p{C}\p{Z}]+/gu, ' ')
        .trim()
        .slice(0, 100)
    : '';
}
