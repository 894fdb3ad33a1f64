/**
 * The fingerprint of RSA keys made by Infineon's RSALib (Nemec et al., "The Return of Coppersmith's Attack", 2017,
 * CVE-2017-15361): modulo each of these primes the modulus is a power of 65537. A sound key has that property with a
 * probability of about 2^-27 at most.
 */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const POWERS_OF_65537: readonly (readonly [bigint, ReadonlySet<bigint>])[] = PRIMES.map((prime) => {
  const powers = new Set<bigint>();
  for (let power = 1; !powers.has(BigInt(power)); power = (power * (65537 % prime)) % prime) powers.add(BigInt(power));
  return [BigInt(prime), powers];
});

/** Whether a modulus (base64url, as in a JWK) comes from the broken generator. */
export function hasRocaFingerprint(modulus: string): boolean {
  const n = BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex') || '0'}`);
  return POWERS_OF_65537.every(([prime, powers]) => powers.has(n % prime));
}
