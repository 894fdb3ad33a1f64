import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { startBehind } from '../support/gateway.ts';
import { needs } from '../support/needs.ts';

// Python's clients write all of a body before they read anything. The interpreter is BEARERGATE_PYTHON, or python3.

const PYTHON = process.env.BEARERGATE_PYTHON ?? 'python3';
const run = promisify(execFile);

function has(modules: string): boolean {
  try {
    execFileSync(PYTHON, ['-c', `import ${modules}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const CLIENTS = {
  requests: 'import requests; print(requests.post(url, data=body, headers=headers).status_code)',
  httpx: 'import httpx; print(httpx.post(url, content=body, headers=headers, timeout=60).status_code)',
  'urllib.request': `import urllib.request, urllib.error
try: print(urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers)).status)
except urllib.error.HTTPError as error: print(error.code)`,
} as const;

for (const [client, code] of Object.entries(CLIENTS)) {
  const needsClient = needs(`${client} (pip install ${client}; BEARERGATE_PYTHON)`, () => has(client));
  needsClient(`${client} sees why its upload of 8 MiB was refused, and one that is accepted passes`, (t) =>
    upload(t, code),
  );
}

async function upload(t: ExecutionContext, code: string): Promise<void> {
  const { gateway } = await startBehind(t, {
    routes: [
      { id: 'small', match: { path: '/small' }, auth: 'public', maxBody: '1MiB' },
      { id: 'all', match: { path: '/**' } },
    ],
  });
  const status = async (path: string, token: string, mebibytes = 8) => {
    const lines = [
      `url = '${gateway.url}${path}'; body = b'x' * (${mebibytes} * 1024 * 1024)`,
      `headers = {'Authorization': 'Bearer ${token}'}`,
      code,
    ];
    return (await run(PYTHON, ['-c', lines.join('\n')], { timeout: 120_000 })).stdout.trim();
  };
  t.is(await status('/x', 'forged'), '401');
  t.is(await status('/small', 'forged'), '413');
  t.is(await status('/x', gateway.token(), 1), '200');
}
