import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import type { Members } from '../../src/api/description.ts';
import { encodeOutput, toXml } from '../../src/api/encode.ts';

// oxlint-disable-next-line no-control-regex -- the characters that XML 1.0 leaves out
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

const RESPONSE: Members = {
  Disks: { Disk: [{ DiskId: 'string', Size: 'number', Encrypted: 'boolean', Tags: { Tag: [{ TagKey: 'string' }] } }] },
  TagResources: ['string'],
  Role: { Arn: 'string', Tags: { Tag: ['string'] } },
  TotalCount: 'number',
};

const encode = (output: object): unknown => encodeOutput('DescribeThings', RESPONSE, output);

test('lists that the action leaves out are answered empty, structures and values are left out', () => {
  assert.deepEqual(encode({}), { Disks: { Disk: [] }, TagResources: [] });
  assert.deepEqual(encode({ Disks: { Disk: [{ DiskId: 'd-1', Size: undefined }] }, TotalCount: 0 }), {
    Disks: { Disk: [{ DiskId: 'd-1', Tags: { Tag: [] } }] },
    TagResources: [],
    TotalCount: 0,
  });
});

test('an answer of another shape than described is a bug that is named', () => {
  assert.throws(() => encode({ Code: 'x' }), /DescribeThings answers Code/);
  assert.throws(() => encode({ TotalCount: '1' }), /DescribeThings\.TotalCount is not a number/);
  assert.throws(() => encode({ TotalCount: Number.NaN }), /not finite/);
  assert.throws(() => encode({ Disks: { Disk: {} } }), /Disks\.Disk is not a list/);
  assert.throws(() => encode({ Disks: [] }), /Disks is not a structure/);
  assert.throws(() => encode({ Role: null }), /Role is not a structure/);
});

test('XML repeats the element of a list and escapes what XML cannot carry', () => {
  const body = encodeOutput('X', RESPONSE, {
    Disks: { Disk: [{ DiskId: 'a<b>&"\u0000é中' }, { DiskId: 'c', Encrypted: true }] },
    TagResources: ['x', 'y'],
  });
  assert.equal(
    toXml('DescribeThingsResponse', body),
    '<?xml version="1.0" encoding="UTF-8"?>\n<DescribeThingsResponse><Disks>' +
      '<Disk><DiskId>a&lt;b&gt;&amp;"\ufffdé中</DiskId><Tags></Tags></Disk>' +
      '<Disk><DiskId>c</DiskId><Encrypted>true</Encrypted><Tags></Tags></Disk></Disks>' +
      '<TagResources>x</TagResources><TagResources>y</TagResources></DescribeThingsResponse>',
  );
});

test('text comes back from XML as it went in, but for characters that XML does not have', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const xml = toXml('R', { Text: text });
      const content = /<Text>([^<>]*)<\/Text>/.exec(xml)?.[1];
      assert.ok(content !== undefined, 'the text broke the markup');
      const back = content
        .replaceAll('&#13;', '\r')
        .replaceAll('&gt;', '>')
        .replaceAll('&lt;', '<')
        .replaceAll('&amp;', '&');
      assert.equal(back, text.toWellFormed().replace(NOT_IN_XML, '\ufffd'));
    }),
  );
});
