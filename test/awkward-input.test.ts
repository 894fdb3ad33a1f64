import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { PARSERS } from './support/awkward.ts';

// Headers, cookies, claims, queries and answers are read before anybody is known, on the one thread that serves every
// request. Given 64 KiB of what is awkward to read (blanks, quotes, separators, broken escapes, and their mixtures), a reader
// that begins anew at each character takes seconds; one that goes through once takes milliseconds.

/** In ms of CPU: several times what the slowest takes, and a fraction of what quadratic time takes. */
const BOUND = 800;
/** No text may take so long, in ms; a child that is silent for longer is ended. */
const SILENCE = 30_000;

interface Report {
  readonly title?: string;
  readonly slowest?: { readonly title: string; readonly ms: number };
}

let shared: ChildProcess | undefined;
test.after.always(() => void shared?.kill('SIGKILL'));

/** The text that a parser takes longest for. Rejects, naming the text, where there is no end to it. */
function slowestOf(name: string, silence = SILENCE): Promise<{ readonly title: string; readonly ms: number }> {
  shared ??= fork(fileURLToPath(new URL('support/awkward-child.ts', import.meta.url)), [], {
    execArgv: ['--import=tsx/esm'],
  });
  const child = shared;
  return new Promise((resolve, reject) => {
    let title = 'its start';
    const end = (finish: () => void) => {
      clearTimeout(timer);
      child.removeAllListeners();
      finish();
    };
    const fail = (why: string) => {
      shared = undefined;
      child.kill('SIGKILL');
      end(() => reject(new Error(`${name}: ${why} at ${title}`)));
    };
    const timer = setTimeout(() => fail('no end'), silence);
    child.once('exit', () => fail('the process has ended'));
    child.on('message', (report: Report) => {
      timer.refresh();
      title = report.title ?? title;
      const { slowest } = report;
      if (slowest) end(() => resolve(slowest));
    });
    child.send(name);
  });
}

for (const name of Object.keys(PARSERS)) {
  test.serial(`no text is awkward to ${name}`, async (t) => {
    const { title, ms } = await slowestOf(name);
    t.true(ms < BOUND, `${title} takes ${ms} ms`);
  });
}

test.serial('a reader that takes quadratic time is found', async (t) => {
  const { title, ms } = await slowestOf('quadratic');
  t.true(ms > BOUND, `${title} takes ${ms} ms`);
});

test.serial('a reader that never ends is found, and ended', async (t) => {
  await slowestOf('request/lists trimBlanks');
  await t.throwsAsync(slowestOf('endless', 2_000), { message: /^endless: no end at " "…/ });
});

/** Rooms all of whose modules are looked at, and modules of others that read what comes from outside. */
const ROOMS = ['request', 'token'];
const MODULES = [
  ...['authorise/rules', 'errors/challenge', 'errors/help', 'errors/metadata', 'explain/mask', 'explain/question'],
  ...[
    'forward/answer',
    'forward/interim',
    'forward/token',
    'observe/pretty',
    'route/cors',
    'route/host',
    'route/target',
  ],
  ...['verify/claim-path', 'verify/jwks', 'verify/wording'],
];

/** What is exported there and reads nothing from outside. Classes and functions that PARSERS reaches by others are named so. */
const NOT_PARSERS: Readonly<Record<string, string>> = {
  'authorise/rules claimFault': 'compares values',
  'errors/help symptomOf': 'of a code',
  'errors/metadata isBelow': 'by resourceMetadata',
  'errors/metadata metadataUrl': 'of the configuration',
  'errors/metadata unique': 'by resourceMetadata',
  'explain/question requestFor': 'of the one who asks on the admin port, held to isAddress',
  'forward/answer dropContentLength': 'by contentLength',
  'request/generations Generations': 'by FieldSorter',
  'request/head RequestHead': 'by readHead',
  'request/id newRequestId': 'makes an id',
  'request/incoming LeanRequest': "node's own request",
  'request/linger boundDrop': 'counts bytes',
  'request/linger closeGently': 'closes connections',
  'request/linger closeWhenRead': 'closes connections',
  'request/linger cut': 'closes connections',
  'request/linger dropRest': 'drops bytes',
  'request/linger hurry': 'closes connections',
  'request/linger leaveUnread': 'drops bytes',
  'request/name-memory NameMemory': 'by FieldSorter',
  'route/target unusualTarget': 'words a refusal',
  'token/exact-json InexactNumber': 'by parseExactly',
  'token/place nameOf': 'of the configuration',
  'token/raw-token RawToken': 'holds a text',
  'verify/wording isoTime': 'of a number',
  'verify/wording span': 'of a number',
};

test('every function that reads what comes from outside is given awkward texts', async (t) => {
  const src = fileURLToPath(new URL('../src/', import.meta.url));
  const inRooms = ROOMS.flatMap((room) => readdirSync(`${src}${room}`).map((file) => `${room}/${file}`));
  const modules = [...inRooms.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3)), ...MODULES];
  const exported: string[] = [];
  for (const module of modules)
    for (const [name, value] of Object.entries(await import(`${src}${module}.ts`)))
      if (typeof value === 'function') exported.push(`${module} ${name}`);
  t.true(exported.length > 50);
  for (const name of exported) {
    const found = [name in PARSERS, name in NOT_PARSERS].filter(Boolean).length;
    t.is(found, 1, `${name} belongs into PARSERS of support/awkward.ts, or into NOT_PARSERS`);
  }
  for (const name of Object.keys(NOT_PARSERS)) t.true(exported.includes(name), `${name} is there no more`);
});
