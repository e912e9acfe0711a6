import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tcpUri, unixUri } from '../../../src/services/sealdisk/export-uris.ts';

test('the TCP URI names identity, address and export', () => {
  assert.equal(tcpUri('127.0.0.1:10809', 'psk-a', 'e-1'), 'nbds://psk-a@127.0.0.1:10809/e-1');
});

test('a socket path is escaped where a URI needs it, and stays readable', () => {
  assert.equal(unixUri('/run/a b/é&?#.sock', 'e-1'), 'nbd+unix:///e-1?socket=/run/a%20b/%C3%A9%26%3F%23.sock');
});
