// Makes dist/main.js: the program in one file, since reading some 300 modules takes half of the time that a start takes.
// The packages that package.json lists as dependencies stay outside and are loaded from node_modules, so that what
// `npm ls`, `npm audit` and `npm update` speak of is the code that runs. Everything else is a devDependency with an exact
// version, is copied into the file, and is listed in the notices and the bill of materials (release/papers.ts).
//
// The file is CommonJS: node gives a module that imports `node:http` all that it exports at once, a WebSocket client of
// some MiB included. Usage: node build.mjs [FOLDER].
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build as bundle } from 'esbuild';

const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

/** Where each file of the package begins: the program, what only some commands load (by an import() of theirs), the library. */
const ENTRIES = {
  main: 'src/main.ts',
  prompts: 'src/cli/init/prompts.ts',
  index: 'src/library/index.ts',
  middleware: 'src/library/middleware.ts',
  testing: 'src/library/testing.ts',
};

/** Builds into a folder. Resolves with the paths of the source files that the bundles contain. */
export async function build(folder) {
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = await bundle({
    entryPoints: ENTRIES,
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
    define: { 'import.meta.url': 'urlOfThisFile' },
    banner: { js: "const urlOfThisFile = require('node:url').pathToFileURL(__filename).href;" },
    legalComments: 'none', // release/papers.ts writes the notices of everything that is copied in
    plugins: [entriesStayOutside],
    metafile: true,
    logLevel: 'warning',
  });
  writeFileSync(`${folder}/package.json`, '{ "type": "commonjs" }\n');
  for (const name of Object.keys(ENTRIES)) keepToAscii(`${folder}/${name}.js`);
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
}

/** Has an import of another entry load the file that is made of it, instead of copying it in. */
const entriesStayOutside = {
  name: 'entries-stay-outside',
  setup(builder) {
    const root = fileURLToPath(new URL('.', import.meta.url));
    const names = new Map(Object.entries(ENTRIES).map(([name, source]) => [join(root, source), name]));
    builder.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      const name = kind === 'dynamic-import' ? names.get(join(resolveDir, path)) : undefined;
      return name === undefined ? undefined : { path: `./${name}.js`, external: true };
    });
  },
};

/** One other character and node keeps the source with two bytes for each, as long as it runs. Outside of comments esbuild has escaped them. */
function keepToAscii(file) {
  const comment = /^\s*(?:\/\/|\/\*|\*)/;
  const ascii = (line) => (comment.test(line) ? line.replace(/[^\0-\x7f]/g, '?') : line);
  const text = readFileSync(file, 'utf8').split('\n').map(ascii).join('\n');
  const [left] = /^.*[^\0-\x7f].*$/m.exec(text) ?? [];
  if (left !== undefined) throw new Error(`${file} is not all ASCII: ${left}`);
  writeFileSync(file, text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build(process.argv[2] ?? 'dist');
