import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './inventory.ts';

/** The files of src/library whose declarations ship. They import from one another and from Node only. */
const PUBLIC = ['api', 'gateway', 'index', 'middleware', 'testing'];

/** Writes the declarations of the library into a folder. Throws if they import from a file that does not ship. */
export function writeTypes(folder: string): void {
  const made = mkdtempSync(join(tmpdir(), 'bearergate-types-'));
  try {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const project = join(made, 'tsconfig.json');
    writeFileSync(project, JSON.stringify(projectFor(made)));
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', project], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the type check fails:\n${stdout}`);
    for (const name of PUBLIC) {
      const text = readFileSync(join(made, 'src/library', `${name}.d.ts`), 'utf8');
      writeFileSync(
        join(folder, `${name}.d.ts`),
        text.replace(/ from '\.\/([\w-]+)\.ts'/g, (_, from) => importOf(from)),
      );
    }
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** The project's own options, for the sources alone: no test can keep the package from being built. */
function projectFor(outDir: string): object {
  return {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: ROOT,
      outDir,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: [join(ROOT, 'src')],
  };
}

function importOf(name: string): string {
  if (!PUBLIC.includes(name)) throw new Error(`the declarations need ${name}.ts, which does not ship`);
  return ` from './${name}.js'`;
}
