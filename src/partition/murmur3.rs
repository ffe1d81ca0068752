//! Murmur3 (x86, 32 bits, seed 0): the hash of Iceberg's bucket transform, where every bit is part of the contract.

/// The hash of `bytes`.
pub(super) fn hash(bytes: &[u8]) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0u32, |hash, block| {
        (hash ^ scramble(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    if !tail.is_empty() {
        let word = tail.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        hash ^= scramble(word);
    }
    // The algorithm is defined with the length modulo 2^32.
    finish(hash ^ bytes.len() as u32)
}

const fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

const fn finish(mut hash: u32) -> u32 {
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn equals_the_vectors_of_the_iceberg_specification() {
        assert_eq!(hash(&34i64.to_le_bytes()).cast_signed(), 2_017_239_379);
        assert_eq!(hash(b"iceberg").cast_signed(), 1_210_000_089);
        assert_eq!(hash(&[0, 1, 2, 3]).cast_signed(), -188_683_207);
        // 2017-11-16 as days, 22:31:08 as microseconds of the day, the instant of both, and a microsecond later.
        assert_eq!(hash(&17_486i64.to_le_bytes()).cast_signed(), -653_330_422);
        assert_eq!(hash(&81_068_000_000i64.to_le_bytes()).cast_signed(), -662_762_989);
        assert_eq!(hash(&1_510_871_468_000_000i64.to_le_bytes()).cast_signed(), -2_047_944_441);
        assert_eq!(hash(&1_510_871_468_000_001i64.to_le_bytes()).cast_signed(), -1_207_196_810);
    }

    #[test]
    fn equals_the_reference_implementation_for_every_length_of_the_tail() {
        assert_eq!(hash(b""), 0);
        assert_eq!(hash(b"a"), 0x3c25_69b2);
        assert_eq!(hash(b"test"), 0xba6b_d213);
        assert_eq!(hash(b"Hello, world!"), 0xc036_3e43);
        assert_eq!(hash(b"The quick brown fox jumps over the lazy dog"), 0x2e4f_f723);
    }
}
