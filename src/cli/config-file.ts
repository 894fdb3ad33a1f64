import { packagedFile } from '../package.ts';
import type { CommandIo } from './io.ts';

/** Where a configuration is looked for, in this order, when neither --config nor $BEARERGATE_CONFIG names one. */
export const SEARCHED = ['./gateway.yaml', './config/gateway.yaml', '/etc/bearergate/gateway.yaml'] as const;

/**
 * The configuration file that a command works on. One that is named is taken, whether it exists or not; otherwise the first
 * that exists. Fails with the message that names every place where there was none.
 */
export function findConfig(
  named: string | undefined,
  { variables, exists }: Pick<CommandIo, 'variables' | 'exists'>,
): { readonly file: string } | { readonly missing: string } {
  const file = named ?? (variables.BEARERGATE_CONFIG || SEARCHED.find(exists));
  return file === undefined ? { missing: NONE } : { file };
}

/** The configuration of the demo, which the package carries. */
export function demoConfig(): string {
  return packagedFile('config/gateway.yaml');
}

const NONE = `no configuration found: neither --config nor $BEARERGATE_CONFIG names one, and none of these exists:
${SEARCHED.map((path) => `  ${path}\n`).join('')}Write a first one with: bearergate init
`;
