/** Published test data that is not part of the repository: where each folder of it comes from. */
export interface Corpus {
  readonly source: string;
  readonly commit?: string;
  /** What of the source it is, and in which form. */
  readonly content: string;
}

/** By the folder below BEARERGATE_VECTORS. */
export const CORPORA: Readonly<Record<string, Corpus>> = {
  'jose-cookbook': {
    source: 'https://github.com/ietf-jose/cookbook',
    commit: '13692b68bfc18b99557a5b1ed311fd5077bfff04',
    content: 'the whole repository, as it is',
  },
  wycheproof: {
    source: 'https://github.com/C2SP/wycheproof',
    commit: 'dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166',
    content: '`json_web_key_test.json` and `json_web_encryption_test.json` of its folder `testvectors_v1`',
  },
  llhttp: {
    source: 'https://github.com/nodejs/llhttp',
    commit: '01e105a30fd06e248bc8ac73c4adb34a63d4114a',
    content:
      'the cases of `test/**/*.md` as `requests.json` and `responses.json`: `{ cases: [{ title, wire_b64, expect, … }] }`, their bytes by the escaping rules of its `md-test.ts`',
  },
  smuggler: {
    source: 'https://github.com/defparam/smuggler',
    commit: '2be871e6151ce85167a277fab21c74c851d8b20b',
    content:
      'the mutations of `configs/{default,doubles,exhaustive}.py` as JSON files of these names: `{ gadgets: [{ name, gadget_latin1 }] }`',
  },
  rfc: {
    source: 'https://www.rfc-editor.org',
    content:
      'the examples of RFC 7515 A.1 to A.6, RFC 8037 A.4, RFC 9449 figures 2 and 13 and RFC 7638 §3.1 as `rfc_vectors.json`: `{ vectors: [{ id, key, jws, alg, signature, … }] }`',
  },
};
