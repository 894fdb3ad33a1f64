import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { Judge } from './judge.ts';
import { randomFor } from './random.ts';
import { type ClientScript, clientScript } from './requests.ts';
import { startWorld, type World } from './world.ts';

// Talks nonsense to a gateway, and watches what must never come of it: an end of the process, a defect, a request at the
// upstream without its permit or on another path than the log says, descriptors or memory that do not come back.
// npm run fuzz -- [--seconds 60] [--seed N] [--case N]

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' }, case: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const seconds = Number(values.seconds);
const only = values.case === undefined ? undefined : Number(values.case);

const ROUNDS = 4;
const LANES = 48;
/** How long a client waits for what it may get no answer to. */
const PATIENCE = 300;
/** Beyond what connections to the upstream and timing may differ by. */
const SPARE_DESCRIPTORS = 24;
const SPARE_BYTES = 96 * 1024 * 1024;

console.log(`seed ${seed}`);
let world: World | undefined;
const judge = new Judge(
  () => (world as World).nonce,
  () => (world as World).tokens,
);
world = await startWorld(
  seed,
  (arrival) => judge.arrived(arrival),
  (why, bytes) => judge.report(why, '?', bytes.toString('latin1').slice(0, 300)),
);
let number = only ?? 0;
const resources: { descriptors: number; bytes: number }[] = [];
for (let round = 0; round < (only === undefined ? ROUNDS : 1); round += 1) {
  const until = performance.now() + (seconds * 1000) / ROUNDS;
  const lane = async () => {
    do {
      await play(world as World, number++);
    } while (only === undefined && performance.now() < until && judge.violations.length === 0);
  };
  await Promise.all(Array.from({ length: only === undefined ? LANES : 1 }, lane));
  if (!(await isAlive(world))) break;
  resources.push(await quietResources(world));
}
await finish(world);

/** One connection from its first byte to its end. */
function play({ port, tokens }: World, at: number): Promise<void> {
  const script = clientScript(randomFor(seed, at), tokens, at);
  if (only !== undefined) console.log(JSON.stringify(script, undefined, 1));
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    socket.on('data', (chunk) => {
      received = (received + chunk.toString('latin1')).slice(-100_000);
      // As a refusal has it: the list of all codes has this one too.
      if (received.includes('"code":"gateway.internal","instance"'))
        judge.report('gateway.internal', String(at), script);
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      clearTimeout(timer);
      if (only !== undefined) console.log(received);
      resolve();
    });
    socket.on('connect', () => void say(socket, script));
  });
}

async function say(socket: import('node:net').Socket, { pieces, pauses, end }: ClientScript): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, pauses[index]));
    if (socket.destroyed) return;
    socket.write(piece, 'latin1');
  }
  if (end === 'half-close') socket.end();
  else if (end !== 'wait') setTimeout(() => (end === 'reset' ? socket.resetAndDestroy() : socket.destroy()), pauses[0]);
}

async function isAlive({ gateway }: World): Promise<boolean> {
  try {
    const { status } = await fetch(`${gateway.adminUrl}/livez`, { signal: AbortSignal.timeout(5000) });
    if (status === 200) return true;
  } catch {}
  judge.report('the gateway does not answer any more', `${number - LANES} to ${number}`, gateway.output().stderr);
  return false;
}

/** What the process holds once everything it was asked has come to its end; waits for that, but not for ever. */
async function quietResources({ resources: look }: World): Promise<{ descriptors: number; bytes: number }> {
  let best = look();
  for (let time = 0; time < 16; time += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = look();
    if (time >= 8 && now.descriptors >= best.descriptors && now.bytes >= best.bytes) break;
    best = { descriptors: Math.min(best.descriptors, now.descriptors), bytes: Math.min(best.bytes, now.bytes) };
  }
  return best;
}

async function finish(ended: World): Promise<never> {
  const [first, last] = [resources[1] ?? resources[0], resources.at(-1)];
  if (first && last && last.descriptors > first.descriptors + SPARE_DESCRIPTORS)
    judge.report('descriptors', '?', resources);
  if (first && last && last.bytes > first.bytes + SPARE_BYTES) judge.report('memory', '?', resources);
  await ended.close();
  const { code, stderr } = await ended.gateway.stop();
  if (code !== 0) judge.report(`it ended with ${code}`, '?', stderr);
  if (!/^bearergate listens on \S+ \(admin: \S+\)\n$/.test(stderr)) judge.report('it wrote to stderr', '?', stderr);
  judge.logged(ended.gateway.lines());
  console.log(`${number} connections, ${judge.arrivals} requests went on; ${JSON.stringify(resources)}`);
  for (const { what, case: at, seen } of judge.violations.slice(0, 10)) {
    console.log(`\n${what}\n  npm run fuzz -- --seed ${seed} --case ${at}\n  ${JSON.stringify(seen)}`);
  }
  console.log(judge.violations.length === 0 ? 'nothing found' : `${judge.violations.length} found, seed ${seed}`);
  process.exit(judge.violations.length === 0 ? 0 : 1);
}
