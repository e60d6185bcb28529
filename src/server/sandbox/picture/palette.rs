//! Colours that go together: a ramp from the darkest to the lightest, and the light that shines into it.

use super::{mentions, noise::Random};

/// Red, green, blue, 0 to 1.
pub(super) type Colour = [f32; 3];

/// A ramp and its light.
pub(super) struct Palette {
    ramp: [u32; 5],
    light: u32,
    words: &'static [&'static str],
}

static PALETTES: [Palette; 12] = [
    Palette {
        ramp: [0x0b_1026, 0x2b_2a5e, 0x8a_4f7d, 0xe5_8b6a, 0xff_d9a0],
        light: 0xff_f1cf,
        words: &["dusk", "evening", "夕"],
    },
    Palette {
        ramp: [0x03_1a24, 0x0b_4a5a, 0x2f_8c8c, 0x9f_d3b8, 0xf6_e9c9], light: 0xff_c56b, words: &["teal", "lagoon", "青"]
    },
    Palette { ramp: [0x1f_0c1f, 0x5a_1e45, 0xb5_466a, 0xf0_8e80, 0xff_d8be], light: 0xff_f0e0, words: &["rose", "pink", "桜"] },
    Palette {
        ramp: [0x08_130f, 0x1d_3b2f, 0x4d_7a5a, 0xa9_bf8a, 0xee_f0d0],
        light: 0xff_f7d0,
        words: &["green", "forest", "緑"],
    },
    Palette {
        ramp: [0x17_181d, 0x3d_4149, 0x7f_8389, 0xc6_c5be, 0xf2_eee3],
        light: 0xd2_4a34,
        words: &["ink", "monochrome", "墨"],
    },
    Palette {
        ramp: [0x16_0708, 0x52_1216, 0xb0_2f1e, 0xee_7f2a, 0xff_d889],
        light: 0xff_f2c4,
        words: &["red", "fire", "autumn", "赤"],
    },
    Palette {
        ramp: [0x05_0712, 0x10_183c, 0x2b_3a78, 0x68_84bd, 0xcf_dcf0],
        light: 0xf8_f4e2,
        words: &["night", "indigo", "夜"],
    },
    Palette {
        ramp: [0x2b_1a14, 0x6e_4129, 0xbb_7d4b, 0xe8_ba82, 0xfb_ecce],
        light: 0xff_faf0,
        words: &["sand", "desert", "gold"],
    },
    Palette {
        ramp: [0x17_1129, 0x44_356b, 0x88_73b4, 0xcc_b6dc, 0xf8_ebf0],
        light: 0xff_f1cc,
        words: &["lavender", "purple", "紫"],
    },
    Palette {
        ramp: [0x06_1722, 0x1b_4965, 0x5f_a8c9, 0xbf_e0ea, 0xf7_fbfb],
        light: 0xff_e9bf,
        words: &["ice", "winter", "snow", "雪"],
    },
    Palette {
        ramp: [0x0e_2a2c, 0x2c_6a66, 0x82_b59c, 0xf4_c9a4, 0xfd_efe1], light: 0xff_9d76, words: &["spring", "mint", "春"]
    },
    Palette {
        ramp: [0x16_0b1e, 0x40_1c48, 0x85_3c5e, 0xd4_7f50, 0xf9_d27e], light: 0xff_f3c9, words: &["sunset", "plum", "秋"]
    },
];

impl Palette {
    /// The one the prompt names, if it names one; otherwise any.
    pub(super) fn of(prompt: &str, random: &mut Random) -> &'static Self {
        let prompt = prompt.to_lowercase();
        let named = PALETTES.iter().find(|palette| palette.words.iter().any(|word| mentions(&prompt, word)));
        named.unwrap_or(&PALETTES[random.below(PALETTES.len())])
    }

    /// The one of a picture that is drawn after others.
    pub(super) fn after(hash: u64) -> &'static Self {
        &PALETTES[Random::new("", hash, 0).below(PALETTES.len())]
    }

    /// A colour of the ramp: 0 is the darkest, 4 the lightest.
    pub(super) fn tone(&self, place: f32) -> Colour {
        let place = place.clamp(0.0, 3.999);
        let at = place as usize;
        mix(colour(self.ramp[at]), colour(self.ramp[at + 1]), place - at as f32)
    }

    /// The ramp in 256 steps, for loops that need a colour for every pixel.
    pub(super) fn table(&self) -> Vec<Colour> {
        (0..256_u16).map(|step| self.tone(f32::from(step) / 64.0)).collect()
    }

    /// The colour of the sun or moon.
    pub(super) fn light(&self) -> Colour {
        colour(self.light)
    }
}

fn colour(hex: u32) -> Colour {
    let part = |shift: u32| ((hex >> shift) & 0xff) as f32 / 255.0;
    [part(16), part(8), part(0)]
}

/// `share` of `b` in `a`.
pub(super) fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_share_out_all_palettes_and_keep_theirs() {
        let of = |hash| std::ptr::from_ref(Palette::after(hash));
        let all: std::collections::HashSet<_> = (0..200).map(of).collect();
        assert_eq!((all.len(), of(7)), (PALETTES.len(), of(7)));
    }
}
