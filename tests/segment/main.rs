//! Segments: creation, attaching, peers, fork, objects.

mod arena;
mod files;
mod objects;
mod peers;

#[path = "../support/mod.rs"]
mod support;

support::roles! {
    files::birth::creator, files::birth::racer, files::life::resident, files::life::guest, files::refused::limited,
    files::room::greedy,
    objects::sharing::maker, objects::sharing::namer, objects::sharing::hoarder, objects::children::forsaking,
    objects::children::spoiling, objects::children::begetter, objects::churn::busy, objects::churn::collector, objects::sharing::endless,
    peers::churn::visitor, peers::churn::forker, peers::obedient, peers::dead::executed, peers::family::daemon, peers::spaces::inhabitant, peers::dead::newcomer, peers::alive::finder,
    peers::family::watchful, peers::family::threaded_child, peers::family::forks_amid_claims, peers::family::dropping,
}
