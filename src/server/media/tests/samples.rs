//! The smallest whole file of each container, byte by byte.

/// Bytes one behind the other.
macro_rules! joined {
    ($($part:expr),+ $(,)?) => { [$(&$part[..]),+].concat() };
}
pub(super) use joined;

fn short(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a small number").to_be_bytes()
}

fn little(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a small number").to_le_bytes()
}

/// A box of MP4.
pub(super) fn boxed(name: &[u8], body: &[u8]) -> Vec<u8> {
    joined!(short(body.len() + 8), name, body)
}

/// The samples of every film here, whatever they are.
pub(super) const SAMPLES: &[u8] = b"no player ever sees these samples";

/// A track of a film, whose one chunk begins at `chunk`.
fn track(handler: &[u8], is_turned: bool, chunk: usize) -> Vec<u8> {
    let one = 0x1_0000_u32.to_be_bytes();
    let matrix: [[u8; 4]; 4] = if is_turned { [[0; 4], one, [0; 4], [0; 4]] } else { [one, [0; 4], [0; 4], [0; 4]] };
    let head = joined!([0; 40], matrix.concat(), [0; 20], [2, 128, 0, 0], [1, 104, 0, 0]);
    let table = joined!([0; 4], short(1), short(chunk));
    let tables = boxed(b"minf", &boxed(b"stbl", &boxed(b"stco", &table)));
    let media = joined!(boxed(b"hdlr", &joined!([0; 8], handler, [0; 13])), tables);
    boxed(b"trak", &joined!(boxed(b"tkhd", &head), boxed(b"mdia", &media)))
}

fn movie(handlers: &[&[u8; 4]], is_turned: bool, duration: usize, chunk: usize, more: &[u8]) -> Vec<u8> {
    let head = joined!([0; 12], short(600), short(duration), [0; 80]);
    let tracks: Vec<u8> = handlers.iter().flat_map(|handler| track(*handler, is_turned, chunk)).collect();
    boxed(b"moov", &joined!(boxed(b"mvhd", &head), tracks, more))
}

fn brand(brand: &[u8]) -> Vec<u8> {
    boxed(b"ftyp", &joined!(brand, short(512), b"isom"))
}

/// A film with its tables in front, as for the web.
pub(super) fn film(named: &[u8], handlers: &[&[u8; 4]], is_turned: bool) -> Vec<u8> {
    let movie = |chunk| movie(handlers, is_turned, 1500, chunk, b"");
    let chunk = brand(named).len() + movie(0).len() + 8;
    joined!(brand(named), movie(chunk), boxed(b"mdat", SAMPLES))
}

pub(super) fn mp4() -> Vec<u8> {
    film(b"isom", &[b"vide", b"soun"], false)
}

pub(super) fn mov() -> Vec<u8> {
    film(b"qt  ", &[b"soun", b"vide"], false)
}

pub(super) fn m4a() -> Vec<u8> {
    film(b"M4A ", &[b"soun"], false)
}

/// With its tables behind, and lengths of 64 bits.
pub(super) fn late_mp4() -> Vec<u8> {
    let data = joined!(short(1), b"mdat", [0; 4], short(SAMPLES.len() + 16), SAMPLES);
    let chunk = brand(b"mp42").len() + 16;
    joined!(brand(b"mp42"), data, movie(&[b"vide"], false, 1500, chunk, b""))
}

/// One whose tables point to `chunk`.
pub(super) fn pointing(chunk: usize) -> Vec<u8> {
    joined!(brand(b"isom"), movie(&[b"vide"], false, 1500, chunk, b""), boxed(b"mdat", SAMPLES))
}

/// In two fragments, and where it can be cut without a trace.
pub(super) fn fragmented_mp4() -> (Vec<u8>, Vec<usize>) {
    let length = boxed(b"mvex", &boxed(b"mehd", &joined!([0; 4], short(1500))));
    let head = boxed(b"mvhd", &joined!([0; 12], short(600), [0; 84]));
    let handler = boxed(b"hdlr", &joined!([0; 8], b"vide", [0; 13]));
    let tables = boxed(b"minf", &boxed(b"stbl", &boxed(b"stco", &[0; 8])));
    let size = boxed(b"tkhd", &joined!([0; 76], [2, 128, 0, 0], [1, 104, 0, 0]));
    let track = boxed(b"trak", &joined!(size, boxed(b"mdia", &joined!(handler, tables))));
    let start = joined!(brand(b"iso5"), boxed(b"moov", &joined!(head, track, length)));
    let (moof, mdat) = (boxed(b"moof", b"a list of samples"), boxed(b"mdat", SAMPLES));
    let whole = joined!(start, moof, mdat, moof, mdat);
    let ends = [whole.len() - moof.len() - mdat.len(), whole.len() - mdat.len()];
    // The lengths that follow begin with three zeros, which pass for padding.
    (whole, ends.into_iter().flat_map(|end| end..end + 4).collect())
}

/// An element of Matroska with a length of eight bytes.
pub(super) fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    joined!(id, [1, 0, 0, 0], short(body.len()), body)
}

const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];
const CLUSTER: &[u8] = &[0x1f, 0x43, 0xb6, 0x75];
/// A length that is left open.
const OPEN: &[u8] = &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

fn matroska_head(doc_type: &str) -> Vec<u8> {
    element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], doc_type.as_bytes()))
}

fn notes(is_film: bool) -> Vec<u8> {
    let info = joined!(element(&[0x2a, 0xd7, 0xb1], &short(500_000)), element(&[0x44, 0x89], &5000_f32.to_be_bytes()));
    let video = element(&[0xe0], &joined!(element(&[0xb0], &short(640)), element(&[0xba], &[1, 104])));
    let film = element(&[0xae], &joined!(element(&[0x83], &[1]), video));
    let sound = element(&[0xae], &element(&[0x83], &[2]));
    let tracks = if is_film { joined!(film, sound) } else { sound };
    joined!(element(&[0x15, 0x49, 0xa9, 0x66], &info), element(&[0x16, 0x54, 0xae, 0x6b], &tracks))
}

pub(super) fn matroska(doc_type: &str, is_film: bool) -> Vec<u8> {
    let segment = joined!(notes(is_film), element(CLUSTER, &element(&[0xa3], SAMPLES)));
    joined!(matroska_head(doc_type), element(SEGMENT, &segment))
}

/// As a recorder leaves it, and where it can be cut without a trace.
pub(super) fn open_webm() -> (Vec<u8>, Vec<usize>) {
    let block = element(&[0xa3], SAMPLES);
    let start = joined!(matroska_head("webm"), SEGMENT, OPEN, notes(true), CLUSTER, OPEN);
    let cuts = (0..2).map(|blocks| start.len() + blocks * block.len()).collect();
    (joined!(start, block, block), cuts)
}

/// Half a second of 8 bits in mono, and a byte more of padding.
pub(super) fn wav() -> Vec<u8> {
    let format = joined!(b"fmt ", little(16), [1, 0, 1, 0], little(8000), little(8000), [1, 0, 8, 0]);
    let body = joined!(b"WAVE", format, b"data", little(4001), [128; 4001], [0]);
    joined!(b"RIFF", little(body.len()), body)
}

/// Five frames of silence behind a note, and where it can be cut without a trace. `count` is what the first one counts.
pub(super) fn mp3(count: Option<usize>) -> (Vec<u8>, Vec<usize>) {
    // 32 kbit/s at 44.1 kHz in mono: 104 bytes.
    let frame = |body: &[u8]| {
        let mut frame = joined!([0xff, 0xfb, 0x10, 0xc0], body);
        frame.resize(104, 0);
        frame
    };
    let first = frame(&count.map_or(Vec::new(), |count| joined!([0; 17], b"Info", short(1), short(count))));
    let note = joined!(b"ID3", [4, 0, 0, 0, 0, 1, 2], [0; 130]);
    let frames = joined!(first, frame(b""), frame(b""), frame(b""), frame(b""));
    let kept = count.unwrap_or(1)..5;
    let cuts = kept.map(|frames| note.len() + 104 * frames).collect();
    (joined!(note, frames), cuts)
}

/// The remainder of the polynomial division that all these checksums are, a bit at a time.
fn remainder(bytes: &[u8], width: u32, polynomial: u64) -> u64 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte) << (width - 8), |crc, _| {
            let shifted = crc << 1;
            if shifted >> width == 1 { shifted ^ polynomial ^ 1 << width } else { shifted }
        })
    })
}

/// Three frames of 256 samples at 8 kHz, and where it can be cut without a trace. `told` is what its head says.
pub(super) fn flac(told: u8) -> (Vec<u8>, Vec<usize>) {
    flac_with(told, 0)
}

/// The same, with these bits flipped in the checksum of every head but the first.
pub(super) fn flac_with(told: u8, flipped: u8) -> (Vec<u8>, Vec<usize>) {
    let frame = |number: u8| {
        let head = [0xff, 0xf8, 0x84, 0x08, number];
        let sum = u8::try_from(remainder(&head, 8, 0x07)).expect("8 bits") ^ if number == 0 { 0 } else { flipped };
        let frame = joined!(head, [sum], [0, 0x12, 0x34]);
        let sum = u16::try_from(remainder(&frame, 16, 0x8005)).expect("16 bits");
        joined!(frame, sum.to_be_bytes())
    };
    // 8,000 times a second, one channel of 16 bits.
    let stream = joined!([1, 0, 1, 0], [0; 6], [0x01, 0xf4, 0x00, 0xf0, 0, 0, told, 0], [0; 16]);
    let note = joined!([0x81, 0, 0, 5], b"notes");
    let start = joined!(b"fLaC", [0, 0, 0, 34], stream, note);
    let cuts = (1..3).map(|frames| start.len() + 11 * frames).collect();
    (joined!(start, frame(0), frame(1), frame(2)), cuts)
}

/// A page of Ogg.
pub(super) fn page(marks: u8, position: u64, serial: u8, number: u8, body: &[u8]) -> Vec<u8> {
    let piece = u8::try_from(body.len()).expect("a short page");
    let [position, counts] = [position.to_le_bytes(), [serial, 0, 0, 0, number, 0, 0, 0]];
    let page = |sum: [u8; 4]| joined!(b"OggS", [0, marks], position, counts, sum, [1, piece], body);
    let sum = remainder(&page([0; 4]), 32, 0x04c1_1db7);
    page(u32::try_from(sum).expect("32 bits").to_le_bytes())
}

pub(super) fn opus() -> Vec<u8> {
    let head = joined!(b"OpusHead", [1, 1], 312_u16.to_le_bytes(), little(48_000), [0; 3]);
    joined!(page(2, 0, 7, 0, &head), page(0, u64::MAX, 7, 1, b"tags"), page(4, 48_312, 7, 2, SAMPLES))
}

pub(super) fn vorbis() -> Vec<u8> {
    let head = joined!(b"\x01vorbis", [0; 4], [1], little(22_050), [0; 14]);
    joined!(page(2, 0, 9, 0, &head), page(0, 0, 9, 1, b"tags"), page(4, 44_100, 9, 2, SAMPLES))
}
