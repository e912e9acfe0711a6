import { ApiError } from '../../../api/errors.ts';
import { listImagesCalled, type Image } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { checkedName } from '../resource-text.ts';

/** What people say about images. Source: facts.md 5.12 and section 9; CreateImage, CopyImage, ModifyImageAttribute. */

/** Names that the vendor keeps for itself. */
const RESERVED = /^(aliyun|acs:)/i;
const VERSION = /^[\w.-]{1,40}$/;

/** Distributions of the reference's list; what is none of them is `Others Linux`. Source: SDK, CreateImage, Platform. */
const LINUX_PLATFORMS = [
  'Aliyun',
  'Anolis',
  'CentOS',
  'Ubuntu',
  'CoreOS',
  'SUSE',
  'Debian',
  'OpenSUSE',
  'FreeBSD',
  'RedHat',
  'Kylin',
  'UOS',
  'Fedora',
  'Fedora CoreOS',
  'CentOS Stream',
  'AlmaLinux',
  'Rocky Linux',
  'Gentoo',
  'Customized Linux',
  'Others Linux',
] as const;
const WINDOWS_PLATFORMS = [2022, 2019, 2016, 2012, 2008, 2003].map((year) => `Windows Server ${year}`);

/** The name, or '' when none was given. @throws {ApiError} InvalidImageName.Malformed. */
export function checkedImageName(parameter: string, name: string | undefined): string {
  return checkedUnreserved(parameter, name, 'InvalidImageName.Malformed');
}

/** The family, or '' when none was given. @throws {ApiError} InvalidImageFamily.Malformed. */
export function checkedImageFamily(family: string | undefined): string {
  return checkedUnreserved('ImageFamily', family, 'InvalidImageFamily.Malformed');
}

function checkedUnreserved(parameter: string, name: string | undefined, code: string): string {
  const checked = checkedName(parameter, name, { code, httpStatus: 400 });
  if (!RESERVED.test(checked)) return checked;
  throw new ApiError(code, 400, `${parameter} must not begin with 'aliyun' or 'acs:'.`);
}

export function checkedImageVersion(version: string | undefined): string {
  if (version === undefined || version === '') return '';
  if (VERSION.test(version)) return version;
  throw new ApiError(
    'InvalidImageVersion.Malformed',
    400,
    "ImageVersion has up to 40 letters, digits, '_', '.' and '-'.",
  );
}

/** What runs in an image. */
export type OperatingSystem = Pick<Image, 'architecture' | 'osType' | 'platform' | 'osName' | 'bootMode'>;

const ARCHITECTURES: readonly Image['architecture'][] = ['i386', 'x86_64', 'arm64'];
const BOOT_MODES = ['BIOS', 'UEFI', 'UEFI-Preferred'];

interface SystemInput {
  readonly Architecture?: string;
  readonly BootMode?: string;
  readonly Platform?: string;
}

/** @param known what runs in what the image is made of, where that is known: it is the default. */
export function checkedSystem(input: SystemInput, known: Partial<OperatingSystem> = {}): OperatingSystem {
  const { Architecture, Platform } = input;
  const architecture = ARCHITECTURES.find((one) => one === (Architecture ?? known.architecture ?? 'x86_64'));
  if (architecture === undefined)
    throw new ApiError('InvalidArchitecture.Malformed', 400, `Architecture is one of ${ARCHITECTURES.join(', ')}.`);
  const bootMode = checkedBootMode(input.BootMode) ?? known.bootMode ?? (architecture === 'arm64' ? 'UEFI' : 'BIOS');
  if (Platform === undefined && known.platform !== undefined)
    return { architecture, bootMode, osType: 'linux', osName: known.platform, ...known, platform: known.platform };
  const platform = Platform ?? 'Others Linux';
  const isWindows = WINDOWS_PLATFORMS.includes(platform);
  if (!isWindows && !LINUX_PLATFORMS.some((one) => one === platform))
    throw new ApiError(
      'InvalidPlatform.Malformed',
      400,
      `Platform is one of ${[...LINUX_PLATFORMS, ...WINDOWS_PLATFORMS].join(', ')}.`,
    );
  return { architecture, bootMode, platform, osType: isWindows ? 'windows' : 'linux', osName: platform };
}

/** Undefined when none was given. */
export function checkedBootMode(mode: string | undefined): string | undefined {
  if (mode === undefined || BOOT_MODES.includes(mode)) return mode;
  throw new ApiError('InvalidParameter', 400, `BootMode is one of ${BOOT_MODES.join(', ')}.`);
}

/** Images of one account and region. Our own number: the reference has a quota that it does not print. */
const IMAGES_MAX = 1_000;

/**
 * For the transaction that adds an image, or gives it another name.
 * @throws {ApiError} InvalidImageName.Duplicated, QuotaExceed.Image.
 */
export async function refuseDuplicateName(
  reader: Reader,
  { accountId, regionId }: Pick<Image, 'accountId' | 'regionId'>,
  name: string,
): Promise<void> {
  if (name === '' || (await listImagesCalled(reader, { accountId, regionId, name })).length === 0) return;
  throw new ApiError(
    'InvalidImageName.Duplicated',
    400,
    `There is an image named ${name} in ${regionId} already; choose another name.`,
  );
}

/** @throws {ApiError} QuotaExceed.Image. */
export async function refuseTooMany(
  reader: Reader,
  { accountId, regionId }: Pick<Image, 'accountId' | 'regionId'>,
): Promise<void> {
  const { length } = await listImagesCalled(reader, { accountId, regionId });
  if (length < IMAGES_MAX) return;
  throw new ApiError('QuotaExceed.Image', 403, `There are ${length} images in ${regionId}; delete some first.`);
}
