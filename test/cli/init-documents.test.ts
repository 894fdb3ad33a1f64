import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import type { GuardSettings } from '../../src/config/config.ts';
import { DISK } from '../../src/config/files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { RouteTable } from '../../src/route/table.ts';
import { run } from '../support/cli.ts';

// OpenAPI documents that nobody here wrote: the examples of the OpenAPI Initiative (petstore, uspto, link-example,
// callbacks, webhooks …) and of ReadMe, as they are published on npm.

interface Document {
  readonly servers?: readonly { readonly url: string; readonly variables?: Named<{ readonly default: string }> }[];
  readonly paths?: Named<Named<{ readonly security?: Security }>>;
  readonly security?: Security;
  readonly components?: { readonly securitySchemes?: Named<{ readonly type: string; readonly scheme?: string }> };
}
type Security = readonly Named<readonly string[]>[];
type Named<T> = Readonly<Record<string, T>>;

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];
const GIVEN = [
  ...['--issuer', 'https://login.example.com', '--audience', 'api'],
  ...['--upstream', 'http://127.0.0.1:3000', '--output', '-'],
];

const root = dirname(createRequire(import.meta.url).resolve('@readme/oas-examples/package.json'));
const files = ['3.0', '3.1'].flatMap((version) =>
  ['json', 'yaml'].flatMap((format) =>
    readdirSync(join(root, version, format))
      .filter((name) => name.endsWith(format))
      .map((name) => join(version, format, name)),
  ),
);

/** The configuration that init makes, loaded, and what it says is left out. */
async function configOf(file: string) {
  const { code, stdout, stderr } = await run(['init', '--from-openapi', join(root, file), ...GIVEN]);
  if (code !== 0) return { stderr, leftOut: [] };
  const loaded = loadConfig('/gateway.yaml', { variables: {}, ...DISK, readFile: () => stdout });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return {
    config: loaded.config,
    stderr,
    leftOut: [...stdout.matchAll(/^# Left out: (.*)$/gm)].map(([, text]) => text),
  };
}

const NO_ROUTE = /has no operation that a route can take\n$/;
const WITHOUT_PATHS = new Set(['3.1/json/webhooks.json', '3.1/yaml/webhooks.yaml']);

test('there are documents', (t) => {
  t.true(files.length > 100);
});

// One by one, so that the file reports as it goes.
for (const file of files) {
  test.serial(
    `the document ${file} becomes a configuration that loads, and opens nothing that it does not open`,
    async (t) => {
      const { config, stderr, leftOut } = await configOf(file);
      if (config === undefined) {
        t.true(WITHOUT_PATHS.has(file), stderr);
        t.regex(stderr, NO_ROUTE);
        return;
      }
      const document: Document = parse(readFileSync(join(root, file), 'utf8'));
      const table = new RouteTable(config.routes);
      let operations = 0;
      for (const [template, item] of Object.entries(document.paths ?? {})) {
        for (const method of METHODS.filter((name) => item[name])) {
          const operation = `${method.toUpperCase()} ${template}`;
          if (leftOut.some((text) => text?.startsWith(`${operation}:`) || text?.startsWith(`${template}:`))) continue;
          operations += 1;
          const path = `${prefixOf(document)}${template.split(/[?#]/)[0]?.replace(/\{[^}]*\}/g, 'x1')}`;
          const found = table.match('', path, method.toUpperCase());
          t.is(found.kind, 'route', operation);
          if (found.kind !== 'route') continue;
          const asked = item[method]?.security ?? document.security;
          const { guard } = found.route;
          t.is(guard === 'public', asked?.length === 0, operation);
          if (guard !== 'public') t.true(asksEnough(guard, bearerScopes(document, asked ?? [])), operation);
        }
      }
      t.true(operations > 0);
    },
  );
}

/** Where the paths of a document begin: the path of its first server, with the defaults of its variables. */
function prefixOf({ servers: [server] = [] }: Document): string {
  const url = server?.url.replace(/\{(.*?)\}/g, (_, name: string) => server.variables?.[name]?.default ?? '') ?? '/';
  return new URL(url, 'http://relative.invalid').pathname.replace(/\/$/, '');
}

/** The scopes of each alternative that a bearer token can fulfil. */
function bearerScopes({ components }: Document, security: Security): string[][] {
  const isBearer = (name: string) => {
    const { type, scheme } = components?.securitySchemes?.[name] ?? {};
    return type === 'oauth2' || type === 'openIdConnect' || (type === 'http' && scheme === 'bearer');
  };
  return security
    .map((requirement) => Object.entries(requirement).filter(([name]) => isBearer(name)))
    .filter((schemes) => schemes.length > 0)
    .map((schemes) => schemes.flatMap(([, scopes]) => scopes));
}

/** Whether every token that a route lets in is one that an alternative lets in. */
function asksEnough({ scopes }: GuardSettings, alternatives: readonly string[][]): boolean {
  if (alternatives.length === 0) return true;
  const letIn =
    scopes === undefined ? [[]] : scopes.kind === 'all' ? [scopes.scopes] : scopes.scopes.map((one) => [one]);
  return letIn.every((held) =>
    alternatives.some((needed) => needed.every((scope) => (held as readonly string[]).includes(scope))),
  );
}
