// Writes src/api/generated/<product>.ts and docs/coverage.md from spec/*.json, spec/patches/*.json and spec/supported.json.
// Run: node spec/generate.ts; with --check it writes nothing and fails when a file is not what it would write.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';

import { describeProduct } from './description.ts';
import { renderCoverage } from './render-coverage.ts';
import { renderProduct } from './render-types.ts';
import { PRODUCTS } from './shapes.ts';

const products = PRODUCTS.map((product) => describeProduct(product));
const files = new Map<string, string>([
  ...products.map(({ description }): [string, string] => [
    `src/api/generated/${description.product}.ts`,
    renderProduct(description),
  ]),
  ['docs/coverage.md', renderCoverage(products)],
]);

const check = process.argv.includes('--check');
for (const [path, text] of files) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!check) {
    writeFileSync(file, text);
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error(`${path} is not what the description says: run \`node spec/generate.ts\``);
    process.exitCode = 1;
  }
}
