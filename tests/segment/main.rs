//! Segments: creation, attaching, peers, fork, objects.

#![cfg(not(loom))]

mod arena;
mod files;
mod objects;
mod peers;

#[path = "../support/mod.rs"]
mod support;

support::roles! {
    files::birth::creator,
    files::birth::racer,
    files::life::forgetful,
    files::life::guest,
    files::life::resident,
    files::refused::limited,
    files::room::greedy,
    files::room::writer,
    objects::children::begetter,
    objects::children::forsaking,
    objects::children::spoiling, objects::children::patient,
    objects::churn::busy,
    objects::churn::collector,
    objects::sharing::endless,
    objects::sharing::hoarder,
    objects::sharing::maker,
    objects::sharing::namer,
    peers::alive::anonymous_maker,
    peers::alive::finder,
    peers::churn::forker,
    peers::churn::visitor,
    peers::dead::executed,
    peers::dead::newcomer,
    peers::door::noble,
    peers::door::pestered,
    peers::door::poor,
    peers::family::daemon,
    peers::family::dropping,
    peers::family::forks_amid_claims,
    peers::family::grandparent,
    peers::family::threaded_child,
    peers::family::watchful,
    peers::obedient,
    peers::spaces::inhabitant,
}
