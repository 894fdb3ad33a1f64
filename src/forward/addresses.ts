import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';

/**
 * Has connections to one name go to each of its addresses in turn, where a resolver always gives the same first. Which
 * family comes when stays as the resolver has it, for happy eyeballs (RFC 8305): the next address is tried if one fails.
 */
export function spreadOver(lookup: LookupFunction): LookupFunction {
  let turn = 0;
  return (hostname, options, found) => {
    // node:net's type has it that there is one answer alone; with `all` there is a list.
    const done = (error: NodeJS.ErrnoException | null, answer: string | LookupAddress[]) => {
      if (error !== null || typeof answer === 'string' || answer.length === 0) {
        found(error, answer);
        return;
      }
      const ordered = inTurn(answer, turn);
      turn = (turn + 1) % Number.MAX_SAFE_INTEGER;
      const [first] = ordered as [LookupAddress];
      if (options.all) found(null, ordered);
      else found(null, first.address, first.family);
    };
    lookup(hostname, { ...options, all: true } as LookupOptions as Parameters<LookupFunction>[1], done);
  };
}

/** The addresses of each family moved on by `turn`, each family in the places that it had. */
function inTurn(addresses: readonly LookupAddress[], turn: number): LookupAddress[] {
  if (addresses.length === 1) return [...addresses];
  const families = new Map<number, LookupAddress[]>();
  for (const address of addresses) {
    const alike = families.get(address.family);
    if (alike === undefined) families.set(address.family, [address]);
    else alike.push(address);
  }
  const taken = new Map<number, number>();
  return addresses.map(({ family }) => {
    const alike = families.get(family) as LookupAddress[];
    const at = taken.get(family) ?? 0;
    taken.set(family, at + 1);
    return alike[(at + turn) % alike.length] as LookupAddress;
  });
}
