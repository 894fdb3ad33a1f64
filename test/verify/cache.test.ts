import test from 'ava';
import type { Fault } from '../../src/errors/fault.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier } from '../support/issuers.ts';
import { makeKey } from '../support/keys.ts';
import { takeMonotonicTime } from '../support/monotonic.ts';

const pass = takeMonotonicTime();

const SETTINGS = { maxEntries: 20, maxAge: 60_000, rejectedFor: 10_000 };
const FAULT: Fault = { code: 'token.signature' };
const clock = new FakeClock();
const issuer = await inlineVerifier([makeKey('EdDSA')], clock);
const askedBy = new CachedVerifier([issuer], new TokenCache(SETTINGS), clock.now);
const token = Verified.byVerifier({ issuer, claims: {}, scopes: [], keyId: undefined, keyGeneration: 0 });
const refusal = { fault: FAULT, issuer, askedBy };

test.serial('a token is remembered for maxAge at most', (t) => {
  const cache = new TokenCache(SETTINGS);
  cache.accept('a', token, 86_400_000);
  pass(60_000);
  t.is(cache.accepted('a'), token);
  pass(1_001);
  t.is(cache.accepted('a'), undefined);
});

test.serial('a token is not remembered for longer than it lives', (t) => {
  const cache = new TokenCache(SETTINGS);
  cache.accept('a', token, 5_000);
  pass(5_000);
  t.is(cache.accepted('a'), token);
  pass(1_001);
  t.is(cache.accepted('a'), undefined);
});

for (const usefulFor of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY]) {
  test.serial(`a token that is useful for ${usefulFor} ms is not remembered, least of all for ever`, (t) => {
    const cache = new TokenCache(SETTINGS);
    cache.accept('a', token, usefulFor);
    t.is(cache.accepted('a'), undefined);
    t.is(cache.size, 0);
  });
}

test.serial('a token that is useful for ever is remembered for maxAge', (t) => {
  const cache = new TokenCache(SETTINGS);
  cache.accept('a', token, Number.POSITIVE_INFINITY);
  pass(61_001);
  t.is(cache.accepted('a'), undefined);
});

test.serial('a refusal is remembered for rejectedFor, and a look does not prolong it', (t) => {
  const cache = new TokenCache(SETTINGS);
  cache.refuse('a', refusal);
  pass(5_000);
  t.is(cache.refused('a'), refusal);
  pass(5_000);
  t.is(cache.refused('a'), refusal);
  pass(1_001);
  t.is(cache.refused('a'), undefined);
});

test.serial('with a rejectedFor of 0 no refusal is remembered', (t) => {
  const cache = new TokenCache({ ...SETTINGS, rejectedFor: 0 });
  cache.refuse('a', refusal);
  t.is(cache.refused('a'), undefined);
});

test.serial('a token that is accepted after all is refused no more', (t) => {
  const cache = new TokenCache(SETTINGS);
  cache.refuse('a', refusal);
  cache.accept('a', token, 1_000);
  t.is(cache.refused('a'), undefined);
});

test.serial('the least used token goes when the cache is full', (t) => {
  const cache = new TokenCache(SETTINGS);
  for (let count = 0; count < 20; count += 1) cache.accept(`k${count}`, token, 1_000);
  t.is(cache.accepted('k0'), token);
  cache.accept('one more', token, 1_000);
  t.is(cache.accepted('k0'), token);
  t.is(cache.accepted('k1'), undefined);
  t.is(cache.size, 20);
});

test.serial('refusals take no room from tokens', (t) => {
  const cache = new TokenCache(SETTINGS);
  for (let count = 0; count < 20; count += 1) cache.accept(`k${count}`, token, 1_000);
  for (let count = 0; count < 1_000; count += 1) cache.refuse(`forged${count}`, refusal);
  for (let count = 0; count < 20; count += 1) t.is(cache.accepted(`k${count}`), token);
  t.is(cache.refused('forged999'), refusal);
  t.is(cache.refused('forged0'), undefined, 'and little room altogether');
});

test.serial('a cache for one token works', (t) => {
  const cache = new TokenCache({ ...SETTINGS, maxEntries: 1 });
  cache.accept('a', token, 1_000);
  cache.refuse('b', refusal);
  t.is(cache.accepted('a'), token);
  t.is(cache.refused('b'), refusal);
  cache.forget('a');
  t.is(cache.accepted('a'), undefined);
});
