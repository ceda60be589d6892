/** What is used of `spdx-satisfies`, which has no types of its own. */
declare module "spdx-satisfies" {
  /** Whether one of the allowed licences, or several of them, satisfy an SPDX expression; throws where it is none. */
  export default function satisfies(expression: string, allowed: readonly string[]): boolean;
}
