export function transcendental(op: u32): void {}
