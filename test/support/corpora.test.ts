import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CORPORA } from './corpora.ts';
import { ROOT } from './documents.ts';

test('CONTRIBUTING.md says of every corpus where it comes from', (t) => {
  const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  for (const [folder, { source, commit, content }] of Object.entries(CORPORA)) {
    const from = commit === undefined ? source : `${source} at \`${commit.slice(0, 12)}\``;
    t.true(text.includes(`| \`${folder}/\` | ${from} | ${content.replaceAll('|', '\\|')} |`), folder);
  }
});
