//! Checksums by polynomial division, the highest bit first and begun at 0, as FLAC and Ogg carry them.
//!
//! Shorter ones are kept in the upper bits of 32, where the same steps serve for all: divide by the polynomial moved up.

/// Of 8 bits, for heads in FLAC.
pub(super) static CRC_8: Crc = Crc::new(0x07 << 24);
/// Of 16 bits, for frames in FLAC.
pub(super) static CRC_16: Crc = Crc::new(0x8005 << 16);
/// Of 32 bits, for pages in Ogg.
pub(super) static CRC_32: Crc = Crc::new(0x04c1_1db7);

/// What each byte adds to the remainder.
pub(super) struct Crc([u32; 256]);

impl Crc {
    const fn new(polynomial: u32) -> Self {
        let (mut table, mut byte) = ([0; 256], 0);
        while byte < 256 {
            let (mut crc, mut bit) = (byte << 24, 0);
            while bit < 8 {
                crc = (crc << 1) ^ if crc >> 31 == 1 { polynomial } else { 0 };
                bit += 1;
            }
            table[byte as usize] = crc;
            byte += 1;
        }
        Self(table)
    }

    /// The remainder after one byte more.
    pub(super) const fn step(&self, crc: u32, byte: u8) -> u32 {
        (crc << 8) ^ self.0[((crc >> 24) as u8 ^ byte) as usize]
    }

    /// The remainder after all of them.
    pub(super) fn run<'a>(&self, bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
        bytes.into_iter().fold(0, |crc, byte| self.step(crc, *byte))
    }
}
