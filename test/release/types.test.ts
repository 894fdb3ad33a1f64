import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { writeTypes } from '../../release/types.ts';
import { ROOT } from '../support/documents.ts';
import { temporaryFolder } from '../support/files.ts';

test('the declarations of everything that the package exports are written, and import from nothing but each other and node', async (t) => {
  const folder = await temporaryFolder({});
  t.teardown(folder.remove);
  writeTypes(folder.path);
  const made = readdirSync(folder.path);
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const declared = Object.values(exports as Record<string, { types?: string }>).flatMap(({ types }) => types ?? []);
  t.true(declared.length > 2);
  for (const types of declared) t.true(made.includes(types.replace('./dist/', '')), types);
  for (const name of made) {
    const text = readFileSync(folder.file(name), 'utf8');
    const imports = [...text.matchAll(/from '([^']+)'/g)].map(([, from = '']) => from);
    for (const from of imports)
      t.true(
        from.startsWith('node:') || made.includes(from.replace('./', '').replace('.js', '.d.ts')),
        `${name}: ${from}`,
      );
  }
});
