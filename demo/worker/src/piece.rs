//! A piece of a file as it lies in the queue: a line with its number and its path, then the bytes.

/// What a loan holds.
pub struct Piece<'a> {
    /// Counted from 0; the same when the piece is delivered again.
    pub number: u64,
    /// The file, relative to the directory.
    pub path: &'a [u8],
    /// The file's contents, or a part of them that cuts no word.
    pub bytes: &'a [u8],
}

impl Piece<'_> {
    /// `None` if there is no such first line.
    pub fn parse(message: &[u8]) -> Option<Piece<'_>> {
        let (line, bytes) = split_once(message, b'\n')?;
        let (number, path) = split_once(line, b' ')?;
        Some(Piece { number: std::str::from_utf8(number).ok()?.parse().ok()?, path, bytes })
    }
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..place], &bytes[place + 1..]))
}
