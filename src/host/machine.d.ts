/** The class that wasm-bindgen makes of `machine.rs`. */
export class Machine {
  constructor(name: number, seed: number, timeout: number, steady: number, wall: number);
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
  look(steady: number, wall: number, what: number): number;
  shouldRetry(status: number, challenge: string): boolean;
  free(): void;
}
