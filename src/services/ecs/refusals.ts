import { ApiError } from '../../api/errors.ts';

/** Refusals that several operations share. Source of codes: apis.md 0.3 and the tables of the operations. */

export function unknownRegion(regionId: string): ApiError {
  return new ApiError(
    'InvalidRegionId.NotFound',
    404,
    `There is no region ${regionId}; DescribeRegions lists the regions of this server.`,
  );
}

export function unknownZone(zoneId: string, regionId: string, httpStatus: 400 | 404): ApiError {
  return new ApiError(
    'InvalidZoneId.NotFound',
    httpStatus,
    `Region ${regionId} has no zone ${zoneId}; DescribeZones lists its zones.`,
  );
}

export function unknownDisk(diskId: string): ApiError {
  return new ApiError('InvalidDiskId.NotFound', 404, `There is no disk ${diskId} in this account.`);
}

export function unknownSnapshot(snapshotId: string, regionId: string): ApiError {
  return new ApiError(
    'InvalidSnapshotId.NotFound',
    404,
    `There is no snapshot ${snapshotId} in this account and region ${regionId}.`,
  );
}

export function unknownImage(imageId: string, regionId: string): ApiError {
  return new ApiError(
    'InvalidImageId.NotFound',
    404,
    `There is no image ${imageId} that this account may use in region ${regionId}.`,
  );
}

export function missing(parameter: string, why: string): ApiError {
  return new ApiError('MissingParameter', 400, `The parameter ${parameter} is needed: ${why}.`);
}

/** For parameters that the vendor knows and this server does not: refused rather than ignored. */
export function unsupported(parameter: string, why: string): ApiError {
  return new ApiError('UnsupportedParameter', 400, `The parameter ${parameter} is not supported: ${why}.`);
}

/** @param choices what could have been given. */
export function nothingToModify(choices: string): ApiError {
  return new ApiError('NoAttributeToModify', 400, `Nothing is to be modified; give ${choices}.`);
}
