import * as z from 'zod';
import type { Path } from './problem.ts';
import { gatewaySchema } from './schema.ts';

/** What of JSON Schema (draft 2020-12) our descriptions come out as. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly examples?: readonly unknown[];
  /** Our own name for an example of what is parsed further, which zod leaves away; never in what is given out. */
  readonly sample?: unknown;
  /** What editors say of a text that does not fit `pattern`, in place of the pattern. */
  readonly patternErrorMessage?: string;
  /** Our own name for that, see `TextHelp` in fields.ts; never in what is given out. */
  readonly expected?: string;
}

let described: JsonSchema | undefined;

function description(): JsonSchema {
  described ??= z.toJSONSchema(gatewaySchema, { io: 'input' }) as JsonSchema;
  return described;
}

/** The JSON Schema of the configuration file, for editors: `${…}` is allowed wherever a value may come from elsewhere. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const {
    $schema,
    required: _,
    ...rest
  } = forEditors(description()) as JsonSchema & { $schema: string; required: unknown };
  return { $schema, title: 'bearergate configuration', ...rest, anyOf: PARTS.map((key) => ({ required: [key] })) };
}

/** A file has routes, or includes some, or is itself included and has one of the others: `check` knows which. */
const PARTS = ['routes', 'include', 'upstreams', 'issuers'];

/** What the schema says about the value at a path. */
export function descriptionAt(path: Path): string | undefined {
  return schemasAt(path).find((schema) => schema.description)?.description;
}

/** The keys that a map at a path may have; none where it takes any. */
export function keysAt(path: Path): string[] {
  return schemasAt(path)
    .flatMap(branches)
    .flatMap((schema) => Object.keys(schema.properties ?? {}));
}

function schemasAt(path: Path): readonly JsonSchema[] {
  return path.reduce<readonly JsonSchema[]>(
    (schemas, step) => schemas.flatMap(branches).flatMap((schema) => memberOf(schema, step) ?? []),
    [description()],
  );
}

function memberOf(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  if (typeof step === 'number') return schema.items;
  if (schema.properties && Object.hasOwn(schema.properties, step)) return schema.properties[step];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

function branches(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ? schema.anyOf.flatMap(branches) : [schema];
}

const REFERENCE = '\\$\\{';

function forEditors(schema: JsonSchema): JsonSchema {
  return withReference(tidy(mapMembers(withHelp(schema))));
}

/** Our own names for help, as editors know them. */
function withHelp({ expected, sample, ...rest }: JsonSchema): JsonSchema {
  return {
    ...rest,
    ...(expected !== undefined && { patternErrorMessage: expected }),
    ...(sample !== undefined && { examples: [sample] }),
  };
}

function mapMembers(schema: JsonSchema): JsonSchema {
  const { properties, additionalProperties, propertyNames, items, anyOf } = schema;
  const entries = Object.entries(properties ?? {}).map(([key, member]) => [key, forEditors(member)] as const);
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(entries) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: forEditors(additionalProperties) }),
    ...(propertyNames && { propertyNames: withHelp(propertyNames) }),
    ...(items && { items: forEditors(items) }),
    ...(anyOf && { anyOf: anyOf.map(forEditors) }),
  };
}

function tidy(schema: JsonSchema): JsonSchema {
  const { maximum, ...rest } = schema;
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? rest : schema;
}

/** Lets a scalar be a `${…}`. `pattern` is about texts alone, so that a number may simply become "number, or such a text". */
function withReference(schema: JsonSchema): JsonSchema {
  const { type, enum: values, pattern, description, ...rest } = schema;
  if (values) {
    const anyOf = [{ type, enum: values } as JsonSchema, { type: 'string', pattern: REFERENCE }];
    return { ...(description && { description }), ...rest, anyOf };
  }
  if (type === 'string') return pattern ? { ...schema, pattern: `(?:${pattern})|${REFERENCE}` } : schema;
  if (type !== 'integer' && type !== 'number' && type !== 'boolean') return schema;
  if ('const' in schema) return schema;
  const patternErrorMessage = type === 'boolean' ? 'expected true or false' : 'expected a number';
  return { ...schema, type: [type, 'string'], pattern: REFERENCE, patternErrorMessage };
}
