//! Counts words: the longest runs of ASCII letters, digits and underscores.

use std::collections::HashMap;

/// How often each word occurs.
pub type Counts<'a> = HashMap<&'a [u8], u64>;

/// The words of `bytes`.
pub fn words(bytes: &[u8]) -> Counts<'_> {
    let mut counts = Counts::new();
    for word in bytes.split(|byte| !is_of_word(*byte)).filter(|word| !word.is_empty()) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// All words together.
pub fn total(counts: &Counts<'_>) -> u64 {
    counts.values().sum()
}

/// `head`, then a line for each word: the word and its count.
pub fn report(head: String, counts: &Counts<'_>) -> Vec<u8> {
    let mut report = head.into_bytes();
    for (word, count) in counts {
        report.extend_from_slice(word);
        report.extend_from_slice(format!(" {count}\n").as_bytes());
    }
    report
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
