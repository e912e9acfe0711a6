/** Bounds of RAM. Source: facts.md 6.4, the newer value where documents differ (decisions.md A12). */
export const ROLES_MAX = 1000;
export const CUSTOM_POLICIES_MAX = 1500;
export const ROLE_POLICIES_MAX = { System: 20, Custom: 5 } as const;

export const ROLE_NAME_LENGTH_MAX = 64;
export const POLICY_NAME_LENGTH_MAX = 128;
export const DESCRIPTION_LENGTH_MAX = 1024;
export const DOCUMENT_LENGTH_MAX = 6144;

export const SESSION_DURATION_S = { min: 3600, max: 43_200, default: 3600 } as const;

export const TAGS_MAX = 20;
export const TAG_TEXT_LENGTH_MAX = 128;

/** ListRoles. Source: apis.md, "RAM notes". */
export const LIST_ITEMS = { max: 1000, default: 100 } as const;
