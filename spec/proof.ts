// Which tests show that an operation works.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { Product } from '../src/api/action.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
/** End-to-end tests that import one of the vendor's packages. */
const SDK_TESTS = globSync('test/e2e/*.test.ts', { cwd: ROOT })
  .toSorted()
  .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), 'utf8') }))
  .filter(({ text }) => text.includes('@alicloud/') || text.includes('sdk-clients.ts'));

/** Links, relative to docs/. The architecture test holds that the first one exists. */
export function proofOf(product: Product, action: string): string[] {
  // The SDKs' methods are named after the operations; pop-core takes the name as text.
  const method = `${action.charAt(0).toLowerCase()}${action.slice(1)}`;
  const called = new RegExp(`\\.${method}\\(|\\.${method}WithOptions\\(|request\\(\\s*'${action}'`);
  return [
    `[test](../test/services/${product}/actions/${action}.test.ts)`,
    ...SDK_TESTS.filter(({ text }) => called.test(text)).map(
      ({ file }) => `[${path.basename(file, '.test.ts')}](../${file})`,
    ),
  ];
}
