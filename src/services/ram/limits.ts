/** Bounds of RAM. Source: facts.md 6.4 and RAM documentation, "Limits", the newer value where they differ (decisions.md A12). */
export const USERS_MAX = 1000;
export const GROUPS_MAX = 50;
export const ROLES_MAX = 1000;
export const CUSTOM_POLICIES_MAX = 1500;
export const POLICY_VERSIONS_MAX = 5;
export const GROUPS_OF_USER_MAX = 5;
/** Of a user; the account itself may have more, so that one can be exchanged while others are in use. */
export const ACCESS_KEYS_MAX = { user: 2, account: 5 } as const;
/** How many policies may be attached at once. */
export const ATTACHED_POLICIES_MAX = {
  user: { System: 20, Custom: 10 },
  group: { System: 20, Custom: 5 },
  role: { System: 20, Custom: 5 },
} as const;

export const USER_NAME_LENGTH_MAX = 64;
export const GROUP_NAME_LENGTH_MAX = 64;
export const ROLE_NAME_LENGTH_MAX = 64;
export const POLICY_NAME_LENGTH_MAX = 128;
export const DISPLAY_NAME_LENGTH_MAX = 128;
export const COMMENTS_LENGTH_MAX = 128;
export const DESCRIPTION_LENGTH_MAX = 1024;
export const ACCOUNT_ALIAS_LENGTH = { min: 3, max: 32 } as const;
/** The shortest is the documented default of password policies; the longest keeps hashing cheap. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const;

export const SESSION_DURATION_S = { min: 3600, max: 43_200, default: 3600 } as const;

export const TAGS_MAX = 20;
export const TAG_KEY_LENGTH_MAX = 128;
export const TAG_VALUE_LENGTH_MAX = 256;
/** Of one TagResources, UntagResources or ListTagResources. */
export const TAGGED_RESOURCES_MAX = 50;
export const TAG_PAGE_SIZE = { max: 100, default: 100 } as const;

/** Lists that are paged by `Marker`. Source: apis.md, "RAM notes". */
export const LIST_ITEMS = { max: 1000, default: 100 } as const;
