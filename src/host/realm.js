/**
 * The Web APIs that a host uses. A page and a worker pass `globalThis`, where most of them are optional; `nolapse/testing` passes
 * simulated ones.
 *
 * @typedef {object} Realm
 * @property {{ now: () => number }} performance
 * @property {{ now: () => number }} Date
 * @property {{ getRandomValues: (array: Uint32Array<ArrayBuffer>) => unknown, subtle?: SubtleCrypto }} crypto
 * @property {(fire: () => void, ms: number) => unknown} setTimeout
 * @property {(timer: never) => void} clearTimeout
 * @property {typeof fetch} fetch
 * @property {typeof globalThis.Request} Request
 * @property {Function} Response
 * @property {{ locks?: Pick<LockManager, "request">, onLine?: boolean, userActivation?: { isActive: boolean } }} [navigator]
 * @property {Pick<Location, "href" | "origin" | "search" | "assign">} [location]
 * @property {Pick<History, "state" | "replaceState">} [history]
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} [sessionStorage] reading it may throw
 * @property {(url: string, target: string, features: string) => Window | null} [open]
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} [localStorage] reading it may throw
 * @property {new (name: string) => BroadcastChannel} [BroadcastChannel]
 * @property {IDBFactory} [indexedDB]
 * @property {typeof EventSource} [EventSource]
 * @property {Document} [document]
 * @property {Pick<typeof AbortSignal, "timeout">} [AbortSignal]
 */

export {};
