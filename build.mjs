// Makes dist/main.js: the whole command in one file, since reading some 300 modules takes half of the time that a start
// takes. It is CommonJS: node gives a module that imports `node:http` all that it exports at once, a WebSocket client of
// some MiB included. Usage: node build.mjs [FOLDER]. http-proxy is read where a route needs it, and by a way that no
// bundler sees (src/forward/http-proxy.ts).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const folder = process.argv[2] ?? 'dist';
rmSync(folder, { recursive: true, force: true });
await build({
  entryPoints: ['src/main.ts'],
  outfile: `${folder}/main.js`,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  define: { 'import.meta.url': 'urlOfThisFile' },
  banner: { js: "const urlOfThisFile = require('node:url').pathToFileURL(__filename).href;" },
  legalComments: 'external',
  logLevel: 'warning',
});
writeFileSync(`${folder}/package.json`, '{ "type": "commonjs" }\n');
keepToAscii(`${folder}/main.js`);

/** One other character and node keeps the source with two bytes for each, as long as it runs. Outside of comments esbuild has escaped them. */
function keepToAscii(file) {
  const comment = /^\s*(?:\/\/|\/\*|\*)/;
  const ascii = (line) => (comment.test(line) ? line.replace(/[^\0-\x7f]/g, '?') : line);
  const text = readFileSync(file, 'utf8').split('\n').map(ascii).join('\n');
  const [left] = /^.*[^\0-\x7f].*$/m.exec(text) ?? [];
  if (left !== undefined) throw new Error(`${file} is not all ASCII: ${left}`);
  writeFileSync(file, text);
}
