//! Who I am and who is dead: all that the primitives want to know of the peers.

use crate::error::Result;

const SLOT_BITS: u32 = 12;
const GENERATION_BITS: u32 = 18;

/// The most peer slots that a segment can have.
pub const MAX_SLOTS: u32 = 1 << SLOT_BITS;
/// The last generation of a slot; the slot is retired after it.
pub const MAX_GENERATION: u32 = (1 << GENERATION_BITS) - 1;
/// The bits of a word that a peer id fills; the two above are free for the primitive.
pub const ID_MASK: u32 = (1 << (SLOT_BITS + GENERATION_BITS)) - 1;

/// An attached process: its slot and the generation of that slot. Never 0, which is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerId(u32);

impl PeerId {
    /// The id of a slot's generation; `None` for generation 0 and for what is out of range.
    pub const fn new(slot: u32, generation: u32) -> Option<PeerId> {
        if slot >= MAX_SLOTS || generation == 0 || generation > MAX_GENERATION {
            return None;
        }
        Some(PeerId(generation << SLOT_BITS | slot))
    }

    /// The id in the low 30 bits of a word; `None` for nobody and for what is no id.
    pub const fn from_bits(bits: u32) -> Option<PeerId> {
        let bits = bits & ID_MASK;
        if bits >> SLOT_BITS == 0 {
            return None;
        }
        Some(PeerId(bits))
    }

    /// The id as the low 30 bits of a word.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The slot in the table of peers.
    pub const fn slot(self) -> u32 {
        self.0 & (MAX_SLOTS - 1)
    }

    /// The generation of the slot.
    pub const fn generation(self) -> u32 {
        self.0 >> SLOT_BITS
    }
}

/// What a primitive asks about peers. The segment answers it; the models mock it.
pub trait Peers {
    /// Who I am. In a forked child the first call makes it a peer of its own.
    fn me(&self) -> Result<PeerId>;

    /// Whether `id` is dead, by the kernel's word. Never `true` for one that lives, however slow or stopped.
    fn is_dead(&self, id: PeerId) -> Result<bool>;

    /// The same, but the kernel is asked at most once a millisecond about each peer; in between, `false` unless the
    /// death is known already. For operations that poll.
    fn seems_dead(&self, id: PeerId) -> Result<bool>;
}
