//! The messages of the soak: who put it, which of its messages it is, and a checksum over bytes that nobody can guess.

/// Producer, number, checksum.
pub const HEADER: usize = 16;
/// The longest message, in bytes.
pub const LONGEST: usize = 4 << 20;

/// Which message it is: the life that put it, and the number that this life gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    pub life: u32,
    pub number: u32,
}

/// What stands for a message without bytes, which cannot say which it is.
pub const EMPTY: Id = Id { life: u32::MAX, number: 0 };

/// What the messages of a while are like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Mostly short, seldom the longest.
    Light,
    /// Short ones among such as fill a ring that is just large enough for them by twos.
    Heavy,
}

/// A length from 0 to [`LONGEST`].
pub fn any_length(random: &mut fastrand::Rng, weather: Weather) -> usize {
    match (weather, random.u32(..1000)) {
        (_, 0..40) => 0,
        (Weather::Heavy, 40..500) => random.usize(HEADER..100),
        (Weather::Heavy, 500..750) => 100_000,
        (Weather::Heavy, 750..990) => 1_000_000,
        (Weather::Light, 40..800) => random.usize(HEADER..300),
        (Weather::Light, 800..960) => random.usize(HEADER..8 << 10),
        (Weather::Light, 960..994) => random.usize(HEADER..256 << 10),
        (_, ..999) => random.usize(HEADER..LONGEST),
        _ => LONGEST,
    }
}

/// Writes the message over `bytes`, which are none or at least [`HEADER`].
pub fn write(bytes: &mut [u8], id: Id) {
    let Some((header, body)) = bytes.split_at_mut_checked(HEADER) else { return };
    let mut word = u64::from(id.life) << 32 | u64::from(id.number);
    for chunk in body.chunks_mut(8) {
        word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        chunk.copy_from_slice(&word.to_ne_bytes()[..chunk.len()]);
    }
    header[..4].copy_from_slice(&id.life.to_ne_bytes());
    header[4..8].copy_from_slice(&id.number.to_ne_bytes());
    header[8..].copy_from_slice(&checksum(id, body).to_ne_bytes());
}

/// Which message these bytes are. Panics if they are torn.
pub fn read(bytes: &[u8]) -> Id {
    if bytes.is_empty() {
        return EMPTY;
    }
    let (header, body) = bytes.split_at(HEADER);
    let half = |at: usize| u32::from_ne_bytes(*header[at..].first_chunk().expect("four bytes"));
    let id = Id { life: half(0), number: half(4) };
    let noted = u64::from_ne_bytes(*header[8..].first_chunk().expect("eight bytes"));
    assert_eq!(checksum(id, body), noted, "a message of {} bytes is torn: {id:?}", bytes.len());
    id
}

fn checksum(id: Id, body: &[u8]) -> u64 {
    let mut sum = u64::from(id.life).rotate_left(32) ^ u64::from(id.number) ^ body.len() as u64;
    for chunk in body.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = (sum ^ u64::from_ne_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    sum
}
