import { execFileSync, spawnSync } from 'node:child_process';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/files.ts';
import { needs } from '../support/needs.ts';

const bash = needs('bash', () => spawnSync('bash', ['--version']).status === 0);
const zsh = needs('zsh', () => spawnSync('zsh', ['--version']).status === 0);

/** What bash offers behind these words, of which the last is still being typed. */
async function offeredByBash(...words: string[]): Promise<string[]> {
  const { stdout: script } = await run(['completion', 'bash']);
  const quoted = ['bearergate', ...words].map((word) => `'${word}'`).join(' ');
  const asking = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _bearergate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', `${script}\n${asking}`], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean);
}

bash('bash completes commands, options and the values that an option may have', async (t) => {
  t.deepEqual(await offeredByBash('e'), ['explain']);
  t.deepEqual(await offeredByBash('ch'), ['check']);
  t.true((await offeredByBash('')).includes('start'));
  t.deepEqual(await offeredByBash('explain', '--to'), ['--token']);
  t.deepEqual(await offeredByBash('check', '--format', 'j'), ['json']);
  t.deepEqual(await offeredByBash('-c', 'a.yaml', 'ro'), ['routes']);
  t.deepEqual(await offeredByBash('help', 'di'), ['diff']);
  t.deepEqual(await offeredByBash('completion', 'z'), ['zsh']);
  t.deepEqual(await offeredByBash('check', '--format', '=', 'j'), ['json'], 'bash takes it apart at the equals sign');
  t.deepEqual(await offeredByBash('check', '--format', '='), ['text', 'json']);
  t.deepEqual(await offeredByBash('--format', '=', 'json', 'ro'), ['routes']);
  t.deepEqual(await offeredByBash('--format', 'json', 'ro'), ['routes']);
  t.deepEqual(await offeredByBash('check', '--config', ''), [], 'files are for the shell itself');
  t.deepEqual(await offeredByBash('explain', '-c', ''), []);
  t.deepEqual(await offeredByBash('check', 'gateway'), [], 'a file name is for the shell itself');
});

zsh('zsh takes the script without a complaint, and registers it', async (t) => {
  const { stdout: script } = await run(['completion', 'zsh']);
  const folder = await temporaryFolder({ script });
  t.teardown(folder.remove);
  const asking = `autoload -Uz compinit; compinit -u -D; source '${folder.file('script')}'; print -r -- $_comps[bearergate]`;
  const { stdout, stderr, status } = spawnSync('zsh', ['-f', '-c', asking], { encoding: 'utf8' });
  t.is(stderr, '');
  t.is(status, 0);
  t.is(stdout.trim(), '_bearergate');
});

zsh('zsh completes by the script as a file of $fpath', async (t) => {
  const { stdout: script } = await run(['completion', 'zsh']);
  const folder = await temporaryFolder({ _bearergate: script });
  t.teardown(folder.remove);
  // The completion system calls the function by its name; what it would offer is printed in place of shown.
  const asking = `fpath=('${folder.file('.')}' $fpath); autoload -Uz compinit; compinit -u -D; _describe() { print described };
    words=(bearergate ''); CURRENT=2; $_comps[bearergate]`;
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', asking], { encoding: 'utf8' });
  t.is(stderr, '');
  t.is(stdout.trim(), 'described', 'the first use completes already');
});

zsh('zsh takes the script before the completion system is loaded', async (t) => {
  const { stdout: script } = await run(['completion', 'zsh']);
  const folder = await temporaryFolder({ script });
  t.teardown(folder.remove);
  const env = { ...process.env, ZDOTDIR: folder.file('.') };
  const asking = `ZSH_DISABLE_COMPFIX=true; source '${folder.file('script')}' </dev/null; print -r -- $_comps[bearergate]`;
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', asking], { encoding: 'utf8', env });
  t.is(stderr, '');
  t.is(stdout.trim(), '_bearergate');
});
