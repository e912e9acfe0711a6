import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../../src/base/system-random.ts';
import { DOCUMENTED_LIMITS } from '../../../src/services/ecs/encryption-limits.ts';
import { findRegion, regionOfId, REGIONS } from '../../../src/services/ecs/regions.ts';
import { isId, mintId } from '../../../src/services/ecs/resource-ids.ts';

/** Ids that were given out carry these, so they can never change. */
const FOR_EVER =
  'cn-qingdao zp2, cn-beijing 2ze, cn-zhangjiakou 7j6, cn-huhehaote 14x, cn-wulanchabu coj, cn-hangzhou ' +
  'bp1, cn-shanghai uf6, cn-nanjing pbx, cn-fuzhou kxa, cn-shenzhen wz9, cn-heyuan 7te, cn-guangzhou ' +
  'e8u, cn-chengdu l0g, cn-hongkong j6c, ap-northeast-1 hir, ap-northeast-2 5oe, ap-southeast-1 t4n, ' +
  'ap-southeast-2 k9y, ap-southeast-3 l5r, ap-southeast-5 o6o, ap-southeast-6 njc, ap-southeast-7 coc, ' +
  'ap-south-1 69h, us-east-1 aau, us-west-1 hrg, eu-west-1 e1x, eu-central-1 juv, me-east-1 3im, ' +
  'me-central-1 tw9';

test('every region has at least two zones, written as the vendor writes them', () => {
  assert.ok(REGIONS.length >= 29);
  for (const { regionId, zoneIds } of REGIONS) {
    assert.ok(zoneIds.length >= 2, regionId);
    for (const zoneId of zoneIds) {
      assert.match(zoneId, regionId.startsWith('cn-') ? /^cn-[a-z]+-[a-z]$/ : /^[a-z]+-[a-z]+-\d[a-z]$/);
    }
  }
});

test('the regions that the reference document names have the zones of its lists', () => {
  const letters = (regionId: string) =>
    findRegion(regionId)
      ?.zoneIds.map((zoneId) => zoneId.slice(-1))
      .join('');
  assert.equal(letters('cn-beijing'), 'abcdefghijkl');
  assert.equal(letters('cn-shanghai'), 'abcdefgklmn');
  assert.equal(letters('cn-hongkong'), 'bcd');
  assert.equal(letters('ap-southeast-1'), 'abc');
  for (const zoneId of DOCUMENTED_LIMITS.fromPlainSnapshotZones) {
    assert.ok(
      REGIONS.some(({ zoneIds }) => zoneIds.includes(zoneId)),
      zoneId,
    );
  }
});

test('id codes are three characters, known where the vendor’s are known, and different everywhere', () => {
  const codes = REGIONS.map(({ idCode }) => idCode);
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.match(code, /^[a-z0-9]{3}$/);
  const known = { 'cn-hangzhou': 'bp1', 'cn-beijing': '2ze', 'cn-shanghai': 'uf6', 'cn-hongkong': 'j6c' };
  for (const [regionId, code] of Object.entries(known)) assert.equal(findRegion(regionId)?.idCode, code);
  assert.equal(REGIONS.map(({ regionId, idCode }) => `${regionId} ${idCode}`).join(', '), FOR_EVER);
});

test('an id has 22 characters, tells its region, and never comes twice', () => {
  const seen = new Set<string>();
  for (const region of REGIONS) {
    for (const prefix of ['d', 's', 'e'] as const) {
      const id = mintId(systemRandom, prefix, region);
      assert.match(id, new RegExp(`^${prefix}-${region.idCode}[a-z0-9]{17}$`));
      assert.equal(regionOfId(id), region);
      assert.ok(isId(prefix, id));
      seen.add(id);
    }
  }
  assert.equal(seen.size, REGIONS.length * 3);
});

test('what could not have been minted is no id', () => {
  for (const text of [
    '',
    'd-',
    'd-bp1',
    'd-bp1A2345678901234567',
    's-bp112345678901234567',
    'd-???12345678901234567',
  ]) {
    assert.equal(isId('d', text), false, text);
  }
  assert.equal(regionOfId('d-???12345678901234567'), undefined);
  assert.equal(regionOfId(''), undefined);
});
