import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { hasRocaFingerprint } from '../../src/verify/roca.ts';
import { rocaModulus } from '../support/roca.ts';

test('a modulus of the broken generator is recognised', (t) => {
  for (let count = 0; count < 3; count += 1) t.true(hasRocaFingerprint(rocaModulus()));
});

test('a sound modulus is not taken for one', (t) => {
  for (let count = 0; count < 3; count += 1) {
    const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    t.false(hasRocaFingerprint(n ?? ''));
  }
});

test('what is no number has no fingerprint', (t) => {
  for (const text of ['', 'AA', 'undefined', '!']) t.false(hasRocaFingerprint(text), text);
});
