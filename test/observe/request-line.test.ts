import test from 'ava';
import fc from 'fast-check';
import type { Assembly } from '../../src/assembly.ts';
import { Journey } from '../../src/journey.ts';
import { levelOf, requestLine } from '../../src/observe/request-line.ts';
import { factsOf, permitFor, routeOf } from '../forward/facts.ts';

const BEGINNING = '{"level":"info","time":"2026-11-25T10:00:00.000Z"';
const PEER = { address: '192.0.2.7', encrypted: false, trusted: false };
/** A line tells nothing of it. */
const ASSEMBLY = {} as Assembly;
const ENDING = { status: 200, durationMs: 1.23456, aborted: false };

/** A journey as far as it goes with these claims, and what else is set on it. */
function journeyWith(claims: object, more: Partial<Journey> = {}) {
  const route = routeOf();
  const { head } = factsOf(route, []);
  const journey = new Journey('01ARYZ6S41TSV4RRFFQ69G5FAV', PEER, head, ASSEMBLY);
  journey.permit = permitFor(route, claims);
  journey.authority = 'api.example.com:8080';
  return Object.assign(journey, more);
}

const TEXT = fc.string({ unit: 'binary' });

const read = (journey: Journey, ending: object = {}) =>
  JSON.parse(requestLine(BEGINNING, journey, { ...ENDING, ...ending }));

test('a line has what is known, in one order, and ends with a line break', (t) => {
  const journey = journeyWith({ sub: 'ada' }, { target: { path: '/a' } as never, upstreamMs: 0.5004 });
  const line = requestLine(BEGINNING, journey, ENDING);
  const { traceId, spanId } = journey.trace;
  t.is(
    line,
    `${BEGINNING},"id":"01ARYZ6S41TSV4RRFFQ69G5FAV","trace":"${traceId}","span":"${spanId}","client":"192.0.2.7",` +
      '"method":"GET","host":"api.example.com:8080","path":"/a","status":200,"durationMs":1.235,"upstream":"legacy",' +
      '"upstreamMs":0.5,"issuer":"main","sub":"ada","msg":"served"}\n',
  );
});

test('a request of which little is known has a line too', (t) => {
  const journey = new Journey('X', PEER, undefined, ASSEMBLY);
  const { trace, span, ...line } = read(journey, { status: undefined, aborted: true });
  t.deepEqual(line, {
    ...JSON.parse(`${BEGINNING}}`),
    id: 'X',
    client: '192.0.2.7',
    durationMs: 1.235,
    aborted: true,
    msg: 'aborted',
  });
});

test('a refusal has its code, its detail and its cause, and is as loud as whoever has to act', (t) => {
  const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
  const journey = journeyWith({}, { fault: { code: 'forward.unreachable', detail: 'a "quoted" detail', cause } });
  t.like(read(journey), {
    code: 'forward.unreachable',
    detail: 'a "quoted" detail',
    cause: 'connect refused (ECONNREFUSED)',
    msg: 'refused',
  });
  t.is(levelOf(journey, ENDING), 'warn');
  t.is(levelOf(journeyWith({}, { fault: { code: 'token.expired' } }), ENDING), 'info');
  t.is(levelOf(journeyWith({}, { fault: { code: 'gateway.internal' } }), ENDING), 'error');
  t.is(levelOf(journeyWith({}), { ...ENDING, broken: new Error('reset') }), 'warn');
  t.like(read(journeyWith({}), { broken: new Error('reset') }), { cause: 'reset', msg: 'broken off' });
});

test('whatever is said by others is one value of one line', (t) => {
  fc.assert(
    fc.property(TEXT, TEXT, TEXT, (sub, path, detail) => {
      const journey = journeyWith({ sub }, { target: { path } as never, fault: { code: 'token.claims', detail } });
      const line = requestLine(BEGINNING, journey, ENDING);
      t.is(line.indexOf('\n'), line.length - 1);
      t.like(JSON.parse(line), { sub, path, detail });
    }),
  );
});
