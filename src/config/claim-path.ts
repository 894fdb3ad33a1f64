/** Whether a text has no blank and no control around it. */
export function isTrimmed(text: string): boolean {
  return text === text.trim() && !/^\p{Cc}|\p{Cc}$/u.test(text);
}

/** What is wrong with the path of a claim: such a claim would never be found. */
export function claimPathFlaw(path: string): { readonly flaw: string; readonly hint?: string } | undefined {
  if (!isTrimmed(path)) return { flaw: 'has a blank or a control character around it' };
  if (path.split('.').includes('')) return { flaw: 'has an empty name before, behind or between its dots' };
  if (/\[\d*\]$/.test(path))
    return {
      flaw: 'has an index, but a list is compared as a whole',
      hint: 'leave it away, and use `{ contains: … }`',
    };
  return undefined;
}
