//! Bounds on what a packet may hold, so that no packet, however made, takes memory or time out of
//! proportion to what real surveys send.

/// Bounds on what a packet may hold. A packet beyond them counts as damaged, and says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Greatest number of items of one array or map, null items included.
    pub array_items: usize,
    /// Greatest number of items of all arrays and maps of one packet.
    pub packet_items: usize,
    /// Greatest depth of records, arrays and maps within each other.
    pub nesting: usize,
    /// Greatest number of bytes of one block after decompression.
    pub block_bytes: usize,
    /// Greatest number of bytes of all blocks of one packet after decompression.
    pub packet_bytes: usize,
    /// Greatest number of records of one packet.
    pub records: usize,
}

impl Default for Limits {
    /// Real alerts have up to 1,037 array items, 5 levels, 0.5 MB and, re-encoded by brokers, some
    /// thousand records a file; each bound leaves a factor of at least 10 above that.
    fn default() -> Limits {
        Limits {
            array_items: 1_000_000,
            packet_items: 10_000_000,
            nesting: 64,
            block_bytes: 64 << 20,
            packet_bytes: 128 << 20,
            records: 100_000,
        }
    }
}
