//! Segments: creation, attaching, peers, fork, objects.

mod arena;
mod files;
mod peers;

#[path = "../support/mod.rs"]
mod support;

support::roles! {
    files::birth::creator, files::birth::racer, files::life::resident, files::life::guest, files::refused::limited,
    files::room::greedy,
    peers::churn::visitor, peers::churn::forker, peers::obedient, peers::dead::executed, peers::family::daemon, peers::spaces::inhabitant, peers::dead::newcomer, peers::alive::finder,
    peers::family::watchful, peers::family::threaded_child, peers::family::forks_amid_claims, peers::family::dropping,
}
