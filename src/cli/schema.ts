import { jsonSchema } from '../config/json-schema.ts';

/** The JSON Schema of the configuration, as a file. */
export function schema(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}
