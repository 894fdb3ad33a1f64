import * as clack from '@clack/prompts';
import type { PromptStreams } from '../io.ts';
import type { AnswerRule } from './answers.ts';

// A bundle of its own, which only an `init` on a terminal loads.

/** Asks a person for one value until the answer is valid. Undefined if they break off (Ctrl-C). */
export async function askFor(rule: AnswerRule, { input, output }: PromptStreams): Promise<string | undefined> {
  const answer = await clack.text({
    message: rule.question,
    placeholder: rule.example,
    validate: (text = '') => {
      const read = rule.read(text.trim());
      return 'mistake' in read ? read.mistake : undefined;
    },
    input,
    output,
  });
  if (clack.isCancel(answer)) return undefined;
  const read = rule.read(answer.trim());
  return 'value' in read ? read.value : undefined;
}

/** Shows a remark between two questions. */
export function remark(text: string, { output }: PromptStreams): void {
  clack.log.info(text, { output });
}
