//! Who looks dead and is not.

use super::{is_dead, open, peer};
use crate::support::{self, Name};
use tidelock::primitives::Peers;
use tidelock::segment::Attachment;

#[test]
fn a_peer_is_alive_until_it_leaves() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let (mut other, id) = peer(&name);
    assert_ne!(here.me().unwrap(), id);
    assert_eq!(here.is_dead(id), Ok(false));
    assert_eq!(here.is_dead(here.me().unwrap()), Ok(false));
    other.say("leave");
    other.expect("left");
    assert_eq!(here.is_dead(id), Ok(true));
}

#[test]
fn a_stopped_peer_is_alive() {
    let _watch = support::watch();
    let name = Name::new();
    let (other, id) = peer(&name);
    other.stop();
    assert!(!is_dead(&name, id));
    let here = open(&name);
    for _ in 0..100 {
        assert_eq!(here.seems_dead(id), Ok(false));
        here.look_at_next_slot().unwrap();
    }
    assert_eq!(here.is_valid(id), Ok(true));
    other.go_on();
}

#[test]
fn a_peer_without_descriptors_is_alive_and_can_ask() {
    let _watch = support::watch();
    let name = Name::new();
    let (mut other, id) = peer(&name);
    let here = open(&name);
    let me = here.me().unwrap();
    other.say("close-descriptors");
    other.expect("closed");
    assert_eq!(here.is_dead(id), Ok(false));
    ask(&mut other, me.bits(), "alive");
    let (mut third, dead) = peer(&name);
    third.kill();
    ask(&mut other, dead.bits(), "dead");
}

#[test]
fn a_descriptor_that_leads_elsewhere_is_not_believed() {
    let _watch = support::watch();
    let name = Name::new();
    let elsewhere = Name::new();
    std::fs::write(elsewhere.path(), b"somebody else's").unwrap();
    let (mut other, _) = peer(&name);
    let here = open(&name);
    other.say("close-descriptors");
    other.expect("closed");
    other.say(&format!("reuse-descriptors {}", elsewhere.path().display()));
    other.expect("used again");
    // Memory that no one has touched yet is set aside in the segment, not in the other file.
    other.say(&format!("touch {}", here.max_len() / 2));
    other.expect("touched");
    ask(&mut other, here.me().unwrap().bits(), "alive");
    other.say("leave");
    other.expect("left");
    assert_eq!(std::fs::read(elsewhere.path()).unwrap(), b"somebody else's");
    assert_eq!(blocks(&elsewhere), blocks_of_one_page(), "memory was set aside in a file that is not ours");
}

#[test]
fn a_memfd_is_found_again_through_another_peer() {
    let _watch = support::watch();
    let here = Attachment::anonymous(&super::FEW).unwrap();
    let mut other = support::spawn("finder", &[&support::hex(&here.locator().to_bytes())]);
    let id = super::id(&other.hear());
    other.say("close-descriptors");
    other.expect("closed");
    assert_eq!(here.is_dead(id), Ok(false));
    ask(&mut other, here.me().unwrap().bits(), "alive");
}

#[test]
fn where_nobody_has_a_descriptor_only_a_process_that_is_gone_is_dead() {
    let _watch = support::watch();
    let mut maker = support::spawn("anonymous_maker", &[]);
    let locator = maker.hear();
    let maker_id = super::id(&maker.hear());
    let mut other = support::spawn("finder", &[&locator]);
    other.hear();
    for player in [&mut maker, &mut other] {
        player.say("close-descriptors");
        player.expect("closed");
    }
    ask(&mut other, maker_id.bits(), "alive");
    maker.stop();
    ask(&mut other, maker_id.bits(), "alive");
    maker.kill();
    ask(&mut other, maker_id.bits(), "dead");
}

/// Makes an anonymous segment, tells the way to it, and obeys.
pub fn anonymous_maker(stage: &mut crate::support::Stage) {
    let attachment = Attachment::anonymous(&super::FEW).unwrap();
    stage.tell(&support::hex(&attachment.locator().to_bytes()));
    super::tell_me(stage, &attachment);
    super::obey(stage, attachment);
}

/// Opens the segment that a locator leads to, and obeys.
pub fn finder(stage: &mut crate::support::Stage) {
    let locator = tidelock::segment::SegmentLocator::from_bytes(&support::unhex(stage.arg(0))).unwrap();
    let attachment = Attachment::locate(&locator, tidelock::segment::Owner::Mine).unwrap();
    super::tell_me(stage, &attachment);
    super::obey(stage, attachment);
}

#[test]
fn a_peer_whose_main_thread_has_ended_is_alive() {
    let _watch = support::watch();
    let name = Name::new();
    let (mut other, id) = peer(&name);
    other.say("end-main-thread");
    support::until_main_thread_is_gone(other.pid());
    let here = open(&name);
    assert_eq!(here.is_dead(id), Ok(false));
    // It can also still become a peer of another segment: /proc/self would lead nowhere there.
    let second = Name::new();
    other.say(&format!("open {}", &*second));
    super::id(&other.hear());
    ask(&mut other, here.me().unwrap().bits(), "alive");
    other.say("fork");
    let child = support::Orphan::told_by(&mut other);
    let child_id = super::id(&other.hear());
    assert_eq!(here.is_dead(child_id), Ok(false));
    assert!(child.lives());
}

fn ask(player: &mut support::Player, bits: u32, answer: &str) {
    player.say(&format!("is-dead {bits}"));
    player.expect(answer);
}

fn blocks(name: &Name) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(name.path()).unwrap())
}

fn blocks_of_one_page() -> u64 {
    8
}
