import type * as z from 'zod';
import { type Path, pathKey } from './problem.ts';

export type Issue = z.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: 'invalid_union' }>;

/** The value at a path of plain values, and whether its key is there at all. */
export function valueAt(root: unknown, path: Path): { readonly there: boolean; readonly value: unknown } {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return { there: false, value: undefined };
    value = (value as Record<string | number, unknown>)[step];
  }
  return { there: true, value };
}

/**
 * Opens unions: of the branches that a value failed, the one it was meant for speaks. Where that can't be told, the
 * union itself does. Paths are full ones; several complaints about one value are cut to the first.
 */
export function flatten(issues: readonly Issue[], root: unknown): Issue[] {
  const flat = issues.flatMap((issue) => (issue.code === 'invalid_union' ? openUnion(issue, root) : [issue]));
  const seen = new Set<string>();
  return flat.filter((issue) => {
    const key = pathKey(pathOf(issue));
    return issue.code === 'unrecognized_keys' || (!seen.has(key) && seen.add(key));
  });
}

/** The path of an issue; YAML has no symbols for keys. */
export function pathOf(issue: Issue): Path {
  return issue.path as Path;
}

function openUnion(issue: UnionIssue, root: unknown): Issue[] {
  const { there, value } = valueAt(root, pathOf(issue));
  const fitting = there ? issue.errors.filter((branch) => fits(branch, value)) : [];
  const meant = fitting.filter((branch) => !branch.some((inner) => isStranger(inner, value)));
  const chosen = meant[0] ?? (fitting.length === 1 && !isLiteral(fitting[0]) ? fitting[0] : undefined);
  if (chosen)
    return flatten(
      chosen.map((inner) => below(issue, inner)),
      root,
    );
  const keys = unknownToAll(fitting);
  return keys.length > 0 ? [{ code: 'unrecognized_keys', keys, path: issue.path, message: '' }] : [issue];
}

/** Whether a branch takes values of this kind, whatever else it finds wrong. */
function fits(branch: readonly Issue[], value: unknown): boolean {
  return !branch.some((inner) => {
    if (inner.path.length > 0) return false;
    if (inner.code === 'invalid_type') return inner.expected !== 'int' || typeof value !== 'number';
    if (inner.code === 'invalid_value') return typeof inner.values[0] !== typeof value;
    return inner.code === 'invalid_union' && !inner.errors.some((deeper) => fits(deeper, value));
  });
}

/** A sign that the value was not meant for this branch: a key it doesn't know, one that it misses, another literal. */
function isStranger(inner: Issue, value: unknown): boolean {
  if (inner.path.length === 0) return inner.code === 'unrecognized_keys' || inner.code === 'invalid_value';
  return inner.path.length === 1 && !valueAt(value, pathOf(inner)).there;
}

function isLiteral(branch: readonly Issue[] | undefined): boolean {
  return branch?.some((inner) => inner.path.length === 0 && inner.code === 'invalid_value') ?? false;
}

/** Keys that no branch knows. */
function unknownToAll(branches: readonly (readonly Issue[])[]): string[] {
  const [first = [], ...others] = branches.map((branch) =>
    branch.flatMap((inner) => (inner.code === 'unrecognized_keys' && inner.path.length === 0 ? inner.keys : [])),
  );
  return first.filter((key) => others.every((keys) => keys.includes(key)));
}

function below(outer: Issue, inner: Issue): Issue {
  return { ...inner, path: [...outer.path, ...inner.path] };
}
