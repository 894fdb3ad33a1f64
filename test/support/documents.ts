import { writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { schema } from '../../src/cli/schema.ts';
import { type JsonSchema, jsonSchema } from '../../src/config/json-schema.ts';
import { CODES, rowOf } from '../../src/errors/catalogue.ts';
import { symptomOf } from '../../src/errors/help.ts';
import { WITHHELD } from '../../src/request/withheld.ts';

import { logPage, metricsPage } from './observed.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Every file that comes from code, by its path, with what it has to hold. `npm run generate` writes them. */
export function documents(): Readonly<Record<string, string>> {
  return {
    'config/gateway.schema.json': schema(),
    'docs/configuration.md': configurationPage(),
    'docs/errors.md': errorsPage(),
    'docs/headers.md': headersPage(),
    'docs/log.md': logPage(NOTE),
    'docs/metrics.md': metricsPage(NOTE),
  };
}

const NOTE = '<!-- Generated from the sources by `npm run generate`; a test compares. -->';

function errorsPage(): string {
  const rows = CODES.map((code) => {
    const { status, challenge, title } = rowOf(code);
    const shown = challenge === 'none' ? '' : challenge === 'bare' ? '`Bearer`' : `\`${challenge}\``;
    return `| [${code}](#${anchor(code)}) | ${status} | ${shown} | ${title} |`;
  });
  const sections = CODES.map((code) => {
    const { status, source, title, causes, fix } = rowOf(code);
    const acts = {
      client: 'the client',
      gateway: 'the operator of the gateway',
      upstream: 'the operator of what stands behind it',
    };
    const list = causes.map((cause) => `- ${cause}`).join('\n');
    return `## ${code}\n\n**${title}.** Status ${status}; ${acts[source]} has to act.\n\nSymptom: ${symptomOf(code)}\n\nUsual causes:\n\n${list}\n\nFix: ${fix.replace('{issuers}', '*the issuer*')}\n`;
  });
  return `${NOTE}

# What a refused request is told

Every refusal has one code. The answer is an RFC 9457 problem (\`application/problem+json\`) whose \`type\` leads to a page
about the code on the gateway itself, \`/.well-known/bearergate/errors/<code>\`. The challenge is the
\`error\` in \`WWW-Authenticate\` (RFC 6750).

| code | status | challenge | meaning |
|---|---|---|---|
${rows.join('\n')}

${sections.join('\n')}`;
}

function headersPage(): string {
  const sections = WITHHELD.map(({ title, names }) => {
    const rows = names.map(([name, setBy]) => `| \`${name}\` | ${setBy} |`).join('\n');
    return `## ${title}\n\n| header | who sets it |\n|---|---|\n${rows}\n`;
  });
  return `${NOTE}

# Headers of clients that no upstream gets

Proxies, gateways and platforms use headers to pass facts about a request to the servers behind them. A client can send
the same headers, and a trusted proxy may forward them unchecked. So the gateway drops the headers below from every request,
on every route, also from \`listen.trustedProxies\`. \`*\` matches any text, including none. A spelling variant, such as
\`X_Client_IP\`, is refused (\`request.invalid\`): many servers treat all characters except letters and digits as the same.

If an upstream needs one of these headers, name it in the route:

\`\`\`yaml
routes:
  - id: reports
    match: { path: "/reports/**" }
    upstream: reports
    headers: { keep: [CF-Connecting-IP] }
    acknowledge: [header-kept]     # clients can send it too, unless the proxy in front overwrites it
\`\`\`

- A header that any route or upstream sets (\`headers.set\`) never comes from a client, and no route can keep it.
- A header that a route takes its token from (\`tokenFrom\`) needs no \`keep\`: with \`token: forward\` it reaches the upstream.
- X-Forwarded-For, -Host, -Proto, -Port and -Prefix, Forwarded and X-Request-Id are accepted from \`listen.trustedProxies\` only,
  which can vouch for nothing else. The gateway adds its own X-Forwarded-For, -Host and -Proto.
- X-HTTP-Method-Override, X-HTTP-Method and X-Method-Override, in any spelling, reach the upstream if the method that they
  name leads to the same route; otherwise the request is refused (\`route.method\`).

${sections.join('\n')}`;
}

/** As GitHub makes it from a heading. */
function anchor(heading: string): string {
  return heading.replaceAll('.', '');
}

interface Described extends JsonSchema {
  readonly default?: unknown;
  readonly const?: unknown;
  readonly since?: string;
  readonly minItems?: number;
}

interface FieldRow {
  readonly path: string;
  readonly schema: Described;
  readonly required: boolean;
}

function configurationPage(): string {
  const fields = fieldsOf(jsonSchema() as Described, '');
  const groups = groupByFirst(fields);
  const sections = [...groups].map(([name, rows]) => {
    const lines = rows.map(({ path, schema: field, required }) => {
      const standard =
        field.default === undefined ? (required ? 'required' : '') : `\`${JSON.stringify(field.default)}\``;
      const example = exampleOf(field);
      const shown = example === undefined ? '' : `\`${JSON.stringify(example)}\``;
      const { description = '', since = FIRST } = field;
      return `| \`${path}\` | ${typeOf(field)} | ${unitOf(field)} | ${standard} | ${shown} | ${since} | ${description} |`;
    });
    return `## ${name}\n\n${COLUMNS}\n${lines.join('\n')}\n`;
  });
  return `${NOTE}

# Configuration

One YAML file describes the gateway. \`bearergate check\` reports every mistake in it with its position; unknown keys are
mistakes. Durations are written \`250ms\`, \`5s\`, \`10m\`, \`24h\`, sizes \`16KiB\`, \`10MiB\`. In values, \`\${NAME}\`,
\`\${NAME:-default}\` and \`\${file:/run/secrets/x}\` are replaced when the file is read; such values are secrets and never
printed. Editors that know the YAML language server complete and explain the fields when the file begins with
\`# yaml-language-server: $schema=./gateway.schema.json\`.

${sections.join('\n')}`;
}

const COLUMNS = `| field | type | unit | default | example | since | what it does |
|---|---|---|---|---|---|---|`;

/** The version in which a field came that doesn't say so itself. */
const FIRST = '0.1';

/** A value that one might write, other than the default where there are only some; undefined for most maps. */
export function exampleOf(schema: Described, standard: unknown = schema.default): unknown {
  if (standard !== undefined && unitOf(schema) !== '') return standard;
  if (schema.examples) return schema.examples[0];
  if (schema.const !== undefined) return schema.const === standard ? undefined : schema.const;
  if (schema.enum) return schema.enum.find((value) => value !== standard);
  if (schema.items) {
    const item = exampleOf(schema.items as Described);
    return item === undefined ? undefined : [item];
  }
  const [type] = [schema.type ?? ''].flat();
  if (type === 'boolean') return !standard;
  for (const choice of schema.anyOf ?? []) {
    const example = exampleOf(choice as Described, standard);
    if (example !== undefined) return example;
  }
  return type === 'object' ? undefined : standard;
}

function unitOf(schema: Described): string {
  const type = typeOf(schema);
  return type === 'duration' ? '`ms` `s` `m` `h` `d`' : type === 'size' ? '`B` `KiB` `MiB` `GiB`' : '';
}

function groupByFirst(fields: readonly FieldRow[]): Map<string, FieldRow[]> {
  const groups = new Map<string, FieldRow[]>();
  for (const field of fields) {
    const name = field.path.split(/[.[]/, 1)[0] as string;
    groups.set(name, [...(groups.get(name) ?? []), field]);
  }
  return groups;
}

function fieldsOf(schema: Described, path: string): FieldRow[] {
  const required = (schema as { required?: readonly string[] }).required ?? [];
  const members = Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return [
      { path: at, schema: member as Described, required: required.includes(key) },
      ...fieldsBelow(member as Described, at),
    ];
  });
  return members;
}

/** The fields within a field: of a map, of the maps that stand under names, of those in a list, of a choice's maps. */
function fieldsBelow(schema: Described, path: string): FieldRow[] {
  const named =
    typeof schema.additionalProperties === 'object' ? fieldsBelow(schema.additionalProperties, `${path}.<name>`) : [];
  const listed = schema.items ? fieldsBelow(schema.items as Described, `${path}[]`) : [];
  const chosen = (schema.anyOf ?? []).flatMap((choice) => fieldsBelow(choice as Described, path));
  return [...fieldsOf(schema, path), ...named, ...listed, ...chosen];
}

function typeOf(schema: Described): string {
  if (schema.anyOf)
    return [...new Set(schema.anyOf.map((choice) => typeOf(choice as Described)))].filter(Boolean).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.items) return `list of ${typeOf(schema.items as Described) || 'values'}`;
  const [type] = [schema.type ?? ''].flat();
  if (type === 'string')
    return schema.pattern?.includes('(?:ms|')
      ? 'duration'
      : schema.pattern?.includes('KiB')
        ? 'size'
        : isReference(schema)
          ? ''
          : 'text';
  return { object: 'map', integer: 'number', number: 'number', boolean: 'true, false' }[String(type)] ?? '';
}

/** The alternative that lets a value be a `${…}`: explained once above the tables. */
function isReference({ pattern }: Described): boolean {
  return pattern === '\\$\\{';
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [file, content] of Object.entries(documents())) writeFileSync(`${ROOT}${file}`, content);
}
