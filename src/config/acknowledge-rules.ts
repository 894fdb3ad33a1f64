import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import { didYouMean } from './suggest.ts';

/** A warning can be silenced by its name alone: a misspelled one would silence nothing, and nobody would know. */
export function acknowledgeRules(
  names: readonly string[],
  path: Path,
  known: readonly string[],
  { shown, isSecret }: Scene,
): Judgement[] {
  return names.flatMap((name, index) => {
    if (known.includes(name)) return [];
    const place = [...path, index];
    const hint = (isSecret(place) ? undefined : didYouMean(name, known)) ?? `there are ${known.join(', ')}`;
    const message = `no warning ${path.length > 1 ? 'about routes ' : ''}is named \`${shown(place, name)}\``;
    return [judge(errorAt(place, 'unknown-warning', message, hint))];
  });
}
