//! A hash that is the same on every machine and in every version of Rust.

/// 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv) of a kind of feature and its parts, with
/// the finaliser of MurmurHash3 (Appleby, public domain), since FNV's upper bits mix poorly on
/// short keys.
pub(super) fn hash(kind: u8, parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    eat(kind);
    for part in parts {
        part.bytes().for_each(&mut eat);
        // Never a byte of UTF-8, so ("ab", "c") and ("a", "bc") differ.
        eat(0xff);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
