// Makes dist/main.js: the whole command in one file, since reading some 300 modules takes half of the time that a start
// takes. Usage: node build.mjs [FOLDER]. http-proxy is read where a route needs it, and by a way that no bundler sees (src/forward/http-proxy.ts).
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

const folder = process.argv[2] ?? 'dist';
rmSync(folder, { recursive: true, force: true });
await build({
  entryPoints: ['src/main.ts'],
  outfile: `${folder}/main.js`,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Packages in CommonJS ask for node's own modules by `require`.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
  },
  legalComments: 'eof',
  logLevel: 'warning',
});
