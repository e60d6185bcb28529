//! How large a picture is: what was asked for in the words of its model, or about a megapixel in the ratio asked for.

use crate::server::sandbox::journal::Facts;

/// The longest and the shortest edge that is drawn, whatever is asked for.
const LONGEST: u32 = 4_096;
const SHORTEST: u32 = 16;
/// The ratio of the picture that was given.
const MATCH: &str = "match_input_image";
/// A picture of unknown size, by assumption.
const UNKNOWN: (u32, u32) = (512, 512);

/// The size of a prediction's pictures.
pub(super) fn of(facts: &Facts) -> (u32, u32) {
    let (width, height) = asked(facts);
    (width.clamp(SHORTEST, LONGEST), height.clamp(SHORTEST, LONGEST))
}

fn asked(facts: &Facts) -> (u32, u32) {
    if let Some(size) = ["size", "resolution"].into_iter().find_map(|key| sides(facts.word(key)?)) {
        return size;
    }
    if facts.entry().is_some_and(|entry| entry.schemas["Input"]["properties"].get("scale").is_some()) {
        return enlarged(facts);
    }
    let side = |key| facts.number(key).and_then(|side| u32::try_from(side).ok());
    let ratio = facts.word("aspect_ratio");
    let size = facts.word("size");
    let takes_ratio = facts.entry().is_some_and(|entry| entry.schemas.get("aspect_ratio").is_some());
    if !takes_ratio || ratio == Some("custom") || size == Some("custom") {
        // Of the one that takes only its own size, twice as much.
        let plain = if size.is_some() { 2_048 } else { 1_024 };
        return (side("width").unwrap_or(plain), side("height").unwrap_or(plain));
    }
    // A picture that is worked over keeps its shape.
    let ratio = if facts.word("image").is_some() { None } else { ratio.or_else(|| default(facts, "aspect_ratio")) };
    let (width, height) = shaped(ratio.unwrap_or(MATCH), facts.source.and_then(|source| source.size));
    let larger = match size.or_else(|| default(facts, "size")) {
        Some("2K") => 2,
        Some("4K") => 4,
        _ => 1,
    };
    let smaller = if facts.word("megapixels") == Some("0.25") { 2 } else { 1 };
    (width * larger / smaller, height * larger / smaller)
}

fn default(facts: &Facts, key: &str) -> Option<&'static str> {
    facts.entry()?.schemas["Input"]["properties"][key]["default"].as_str()
}

/// As large as its source many times over, at least once.
fn enlarged(facts: &Facts) -> (u32, u32) {
    let (width, height) = facts.source.and_then(|source| source.size).unwrap_or(UNKNOWN);
    let scale = facts.fraction("scale").unwrap_or(4.0).max(1.0);
    let larger = |side: u32| (f64::from(side) * scale) as u32;
    within(Some(LONGEST), (larger(width), larger(height)))
}

/// `1365x1024`.
fn sides(word: &str) -> Option<(u32, u32)> {
    let (width, height) = word.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// About a megapixel in a ratio: the sizes that FLUX makes, where it knows the ratio.
fn shaped(ratio: &str, source: Option<(u32, u32)>) -> (u32, u32) {
    match ratio {
        "1:1" => (1024, 1024),
        "16:9" => (1344, 768),
        "21:9" => (1536, 640),
        "3:2" => (1216, 832),
        "2:3" => (832, 1216),
        "4:5" => (896, 1088),
        "5:4" => (1088, 896),
        "3:4" => (896, 1152),
        "4:3" => (1152, 896),
        "9:16" => (768, 1344),
        "9:21" => (640, 1536),
        _ => {
            let sides = ratio.split_once(':').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
            about_a_megapixel(sides.or(source).unwrap_or((1, 1)))
        }
    }
}

/// Edges are multiples of 32.
fn about_a_megapixel((width, height): (u32, u32)) -> (u32, u32) {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let edge = |share: f64| ((1_024.0 * share.sqrt() / 32.0).round() as u32).max(1) * 32;
    (edge(width / height), edge(height / width))
}

/// The size, shrunk to the longest edge if there is one.
pub(super) fn within(longest_edge: Option<u32>, (width, height): (u32, u32)) -> (u32, u32) {
    match longest_edge {
        Some(edge) if width.max(height) > edge => {
            let shrunk = |side: u32| (u64::from(side) * u64::from(edge) / u64::from(width.max(height))).max(1) as u32;
            (shrunk(width), shrunk(height))
        }
        _ => (width, height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longest_edge_keeps_the_ratio_and_never_enlarges() {
        for (edge, size, drawn) in [
            (None, (1344, 768), (1344, 768)),
            (Some(64), (1344, 768), (64, 36)),
            (Some(64), (768, 1344), (36, 64)),
            (Some(64), (1024, 1024), (64, 64)),
            (Some(2000), (1344, 768), (1344, 768)),
            (Some(1), (1536, 640), (1, 1)),
        ] {
            assert_eq!(within(edge, size), drawn, "{edge:?} {size:?}");
        }
    }

    #[test]
    fn ratios_that_flux_does_not_know_are_a_megapixel_too() {
        for (ratio, source, size) in [
            ("2:1", None, (1440, 736)),
            ("1:3", None, (576, 1760)),
            ("match_input_image", Some((300, 200)), (1248, 832)),
            ("match_input_image", None, (1024, 1024)),
            ("match_input_image", Some((1, 0)), (1024, 1024)),
        ] {
            assert_eq!(shaped(ratio, source), size, "{ratio} {source:?}");
        }
    }
}
