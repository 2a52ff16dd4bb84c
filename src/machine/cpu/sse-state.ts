export function sseState(op: u32, dst: usize): u32 { return 0; }
