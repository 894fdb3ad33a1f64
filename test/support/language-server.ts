import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A place in a document, from 0 on. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

/** What an editor underlines. */
export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: Position };
}

/** The YAML language server that editors run, spoken to as an editor does (Language Server Protocol, over stdio). */
export interface LanguageServer {
  /** Opens a document and resolves with what is underlined in it. */
  open(uri: string, text: string): Promise<readonly Diagnostic[]>;
  /** The labels that are offered at a place. */
  complete(uri: string, position: Position): Promise<readonly string[]>;
  /** What is shown when one points at a place. */
  hover(uri: string, position: Position): Promise<string>;
  stop(): Promise<void>;
}

/** Starts one. It takes schemas from files alone, named by the modeline of a document. */
export async function startLanguageServer(): Promise<LanguageServer> {
  const root = dirname(createRequire(import.meta.url).resolve('yaml-language-server/package.json'));
  const child = spawn(process.execPath, [join(root, 'bin/yaml-language-server'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = new Map<number, (result: unknown) => void>();
  const diagnostics = new Map<string, (list: readonly Diagnostic[]) => void>();
  let last = 0;

  const post = (message: object) => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  const ask = (method: string, params: object): Promise<unknown> =>
    new Promise((resolve) => {
      last += 1;
      answers.set(last, resolve);
      post({ id: last, method, params });
    });
  const told = ({ id, method, params, result }: Message) => {
    if (method === 'workspace/configuration') post({ id, result: (params.items ?? []).map(() => SETTINGS) });
    else if (method === 'textDocument/publishDiagnostics')
      diagnostics.get(params.uri ?? '')?.(params.diagnostics ?? []);
    else if (method !== undefined && id !== undefined) post({ id, result: null });
    else if (id !== undefined) answers.get(id)?.(result);
  };
  child.stdout.on('data', messageReader(told));
  await ask('initialize', { processId: process.pid, rootUri: null, capabilities: CAPABILITIES });
  post({ method: 'initialized', params: {} });

  return {
    open: (uri, text) =>
      new Promise((resolve) => {
        diagnostics.set(uri, resolve);
        post({
          method: 'textDocument/didOpen',
          params: { textDocument: { uri, languageId: 'yaml', version: 1, text } },
        });
      }),
    complete: async (uri, position) => {
      const result = (await ask('textDocument/completion', { textDocument: { uri }, position })) as {
        readonly items: readonly { readonly label: string }[];
      };
      return result.items.map(({ label }) => label);
    },
    hover: async (uri, position) => {
      const result = (await ask('textDocument/hover', { textDocument: { uri }, position })) as {
        readonly contents: { readonly value: string };
      } | null;
      return result?.contents.value ?? '';
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await ask('shutdown', {});
      post({ method: 'exit' });
      await ended;
    },
  };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params: {
    readonly items?: readonly unknown[];
    readonly uri?: string;
    readonly diagnostics?: readonly Diagnostic[];
  };
  readonly result: unknown;
}

const SETTINGS = { validate: true, hover: true, completion: true, schemaStore: { enable: false } };
const CAPABILITIES = { workspace: { configuration: true }, textDocument: { completion: {}, hover: {} } };

/** Takes the messages out of a stream: a head with Content-Length, an empty line, and so many bytes of JSON. */
function messageReader(told: (message: Message) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const end = pending.indexOf('\r\n\r\n');
      const length = Number(/^Content-Length: (\d+)$/im.exec(pending.subarray(0, Math.max(end, 0)).toString())?.[1]);
      if (end === -1 || pending.length < end + 4 + length) return;
      told(JSON.parse(pending.subarray(end + 4, end + 4 + length).toString()));
      pending = pending.subarray(end + 4 + length);
    }
  };
}
