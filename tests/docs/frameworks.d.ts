/** What the snippets use of other people's packages, in those packages' own signatures. */

declare module "react" {
  export function useSyncExternalStore<Snapshot>(
    subscribe: (onStoreChange: () => void) => () => void,
    getSnapshot: () => Snapshot,
    getServerSnapshot?: () => Snapshot,
  ): Snapshot;
}

declare module "svelte/store" {
  export interface Readable<T> {
    subscribe(this: void, run: (value: T) => void, invalidate?: () => void): () => void;
  }
}

declare module "vue" {
  export interface ShallowRef<T> {
    value: T;
  }
  export function shallowRef<T>(value: T): ShallowRef<T>;
  export function onScopeDispose(dispose: () => void, failSilently?: boolean): void;
}
