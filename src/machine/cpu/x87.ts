export function x87(op: u32, mem: usize, i: u32): u32 { return 0; }
