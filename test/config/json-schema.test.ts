import test from 'ava';
import { schema } from '../../src/cli/schema.ts';
import { descriptionAt, type JsonSchema, keysAt } from '../../src/config/json-schema.ts';

const text = schema();
const root: JsonSchema & { $schema: string; title: string } = JSON.parse(text);
const listen = root.properties?.listen?.properties ?? {};

test('the schema says what it is', (t) => {
  t.is(root.$schema, 'https://json-schema.org/draft/2020-12/schema');
  t.is(root.title, 'bearergate configuration');
  t.true(text.endsWith('}\n'));
});

test('every map that is not a record refuses unknown keys', (t) => {
  const visit = (schema: JsonSchema, path: string): void => {
    if (schema.properties) t.is(schema.additionalProperties, false, path);
    const members = [...Object.entries(schema.properties ?? {}), ...(schema.anyOf ?? []).entries()];
    for (const [key, member] of members) visit(member, `${path}/${key}`);
    if (schema.items) visit(schema.items, `${path}/items`);
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}/*`);
  };
  visit(root, '');
});

test('a number may be a reference', (t) => {
  t.deepEqual(listen.port?.type, ['integer', 'string']);
  t.true(new RegExp(listen.port?.pattern ?? '').test(`\${PORT}`));
  t.false(new RegExp(listen.port?.pattern ?? '').test('8080'));
});

test('a duration may be a reference, and else has its form', (t) => {
  const pattern = new RegExp(listen.limits?.properties?.keepAlive?.pattern ?? '');
  for (const good of ['75s', `\${KEEP_ALIVE}`]) t.true(pattern.test(good), good);
  for (const bad of ['75', 'x75s', '75 s']) t.false(pattern.test(bad), bad);
});

test('an enumeration may be a reference', (t) => {
  const [values, reference] = root.properties?.log?.properties?.level?.anyOf ?? [];
  t.true(values?.enum?.includes('info'));
  t.true(new RegExp(reference?.pattern ?? '').test(`\${LEVEL}`));
});

test('records describe their members and the form of their names', (t) => {
  const issuers = root.properties?.issuers;
  t.true(
    typeof issuers?.additionalProperties === 'object' && 'issuer' in (issuers.additionalProperties.properties ?? {}),
  );
  t.true(issuers !== undefined && 'propertyNames' in issuers);
});

test('descriptions and keys are found by path, through unions and records', (t) => {
  t.is(descriptionAt(['issuers', 'any', 'audience']), '`aud` has to name one of these.');
  t.is(descriptionAt(['routes', 3, 'auth', 'scopes']), 'Scopes the token needs: all of a list, or { any: […] }.');
  t.true(keysAt(['routes', 0, 'auth', 'tokenFrom', 0]).includes('cookie'));
  t.deepEqual(keysAt(['nowhere']), []);
});

test('editors take a file whose routes stand in files that it includes, and such a file', (t) => {
  t.deepEqual(
    root.anyOf?.map((part) => (part as { required?: readonly string[] }).required),
    [['routes'], ['include'], ['upstreams'], ['issuers']],
  );
  t.false('required' in root);
});
