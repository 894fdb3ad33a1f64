import test from 'ava';
import { parserFault } from '../../src/server/parser-fault.ts';

const faultFor = (code: string) => parserFault(Object.assign(new Error('llhttp says'), { code }));

test('what comes behind a head has words for itself too, and none of them are of the parser', (t) => {
  for (const [code, detail] of [
    ['HPE_INVALID_CHUNK_SIZE', /chunk/],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', /chunk/],
    ['HPE_STRICT', /chunk/],
    ['HPE_CR_EXPECTED', /CR LF/],
    ['HPE_INVALID_EOF_STATE', /ended/],
    ['HPE_CLOSED_CONNECTION', /closed/],
  ] as const) {
    const fault = faultFor(code);
    t.like(fault, { code: 'request.invalid', close: true });
    t.regex(String(fault.detail), detail);
    t.truthy(fault.fix);
    t.notRegex(JSON.stringify({ ...fault, cause: undefined }), /llhttp|HPE|Host/);
  }
});

test('what is unknown of the parser is a malformed request all the same', (t) => {
  t.like(faultFor('HPE_OF_TOMORROW'), { code: 'request.invalid', detail: 'The request is not well-formed HTTP/1.1.' });
  t.is(faultFor('HPE_HEADER_OVERFLOW').code, 'request.headers-too-large');
  t.is(faultFor('ERR_HTTP_REQUEST_TIMEOUT').code, 'request.timeout');
});
