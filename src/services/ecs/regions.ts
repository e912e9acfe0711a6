import { createHash } from 'node:crypto';

/** A region of the catalogue. Any of them works on one server: a region separates names, keys and disks, not machines. */
export interface Region {
  readonly regionId: string;
  readonly localName: LocalName;
  readonly city: LocalName;
  readonly zoneIds: readonly string[];
  /** Three characters that every id made in the region carries after its prefix. */
  readonly idCode: string;
}

export interface LocalName {
  readonly zh: string;
  readonly en: string;
}

// Ids, and the zones of the four regions that the reference document names: facts.md section 8. Any other region has at
// least two zones (decisions.md H). Id codes: facts.md section 9, for those that are known.
const DATA: readonly (readonly [regionId: string, zh: string, en: string, zones: string, idCode?: string])[] = [
  ['cn-qingdao', '华北1（青岛）', 'China (Qingdao)', 'bc'],
  ['cn-beijing', '华北2（北京）', 'China (Beijing)', 'abcdefghijkl', '2ze'],
  ['cn-zhangjiakou', '华北3（张家口）', 'China (Zhangjiakou)', 'abc'],
  ['cn-huhehaote', '华北5（呼和浩特）', 'China (Hohhot)', 'ab'],
  ['cn-wulanchabu', '华北6（乌兰察布）', 'China (Ulanqab)', 'abc'],
  ['cn-hangzhou', '华东1（杭州）', 'China (Hangzhou)', 'bcdefghijk', 'bp1'],
  ['cn-shanghai', '华东2（上海）', 'China (Shanghai)', 'abcdefgklmn', 'uf6'],
  ['cn-nanjing', '华东5（南京）', 'China (Nanjing)', 'ab'],
  ['cn-fuzhou', '华东6（福州）', 'China (Fuzhou)', 'ab'],
  ['cn-shenzhen', '华南1（深圳）', 'China (Shenzhen)', 'abcdef', 'wz9'],
  ['cn-heyuan', '华南2（河源）', 'China (Heyuan)', 'ab'],
  ['cn-guangzhou', '华南3（广州）', 'China (Guangzhou)', 'ab'],
  ['cn-chengdu', '西南1（成都）', 'China (Chengdu)', 'ab'],
  ['cn-hongkong', '中国（香港）', 'China (Hong Kong)', 'bcd', 'j6c'],
  ['ap-northeast-1', '日本（东京）', 'Japan (Tokyo)', 'abc'],
  ['ap-northeast-2', '韩国（首尔）', 'South Korea (Seoul)', 'ab'],
  ['ap-southeast-1', '新加坡', 'Singapore', 'abc', 't4n'],
  ['ap-southeast-2', '澳大利亚（悉尼）', 'Australia (Sydney)', 'ab'],
  ['ap-southeast-3', '马来西亚（吉隆坡）', 'Malaysia (Kuala Lumpur)', 'ab'],
  ['ap-southeast-5', '印度尼西亚（雅加达）', 'Indonesia (Jakarta)', 'abc'],
  ['ap-southeast-6', '菲律宾（马尼拉）', 'Philippines (Manila)', 'ab'],
  ['ap-southeast-7', '泰国（曼谷）', 'Thailand (Bangkok)', 'ab'],
  ['ap-south-1', '印度（孟买）', 'India (Mumbai)', 'ab'],
  ['us-east-1', '美国（弗吉尼亚）', 'US (Virginia)', 'ab'],
  ['us-west-1', '美国（硅谷）', 'US (Silicon Valley)', 'ab'],
  ['eu-west-1', '英国（伦敦）', 'UK (London)', 'ab'],
  ['eu-central-1', '德国（法兰克福）', 'Germany (Frankfurt)', 'abc'],
  ['me-east-1', '阿联酋（迪拜）', 'UAE (Dubai)', 'ab'],
  ['me-central-1', '沙特（利雅得）', 'Saudi Arabia (Riyadh)', 'ab'],
];

export const REGIONS: readonly Region[] = DATA.map(([regionId, zh, en, letters, idCode]) => ({
  regionId,
  localName: { zh, en },
  city: { zh: cityOf(zh, /（(.+)）/), en: cityOf(en, /\((.+)\)/) },
  // Chinese regions write a hyphen before the letter, others do not: facts.md section 8.
  zoneIds: letters
    .split('')
    .map((letter) => (regionId.startsWith('cn-') ? `${regionId}-${letter}` : regionId + letter)),
  idCode: idCode ?? derivedIdCode(regionId),
}));

const BY_ID = new Map(REGIONS.map((region) => [region.regionId, region]));
const BY_ID_CODE = new Map(REGIONS.map((region) => [region.idCode, region]));

export function findRegion(regionId: string): Region | undefined {
  return BY_ID.get(regionId);
}

/** The region in which an id such as `d-bp1…` was made, whoever owns it. */
export function regionOfId(id: string): Region | undefined {
  return BY_ID_CODE.get(id.slice(id.indexOf('-') + 1).slice(0, 3));
}

function cityOf(name: string, inBrackets: RegExp): string {
  return inBrackets.exec(name)?.[1] ?? name;
}

/** A code for a region whose own is not known: three characters of the hash of its id, so that it never changes. */
function derivedIdCode(regionId: string): string {
  const hash = createHash('sha256').update(regionId).digest().readUIntBE(0, 6);
  return (hash % 36 ** 3).toString(36).padStart(3, '0');
}
