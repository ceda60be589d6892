/** The class that wasm-bindgen makes of `machine.rs`. */
export class Machine {
  constructor(name: number, seed: number, timeoutMs: number, push: boolean, steady: number, wall: number);
  feed(
    steady: number,
    wall: number,
    stored: string,
    kind: number,
    id: number,
    a: number,
    b: number,
    c: number,
    text: string,
  ): number;
  free(): void;
}
