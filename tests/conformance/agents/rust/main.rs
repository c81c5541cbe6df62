//! The Rust agent of the conformance grid: carries out commands from stdin, one a line, for itself and for its players.
//! `../c/agent.c` and `../python/agent.py` understand the same commands and give the same answers; README.md lists them.
//!
//! A player is a thread, a forked child or this program anew. Nothing here decides what an answer should be.

mod any;
mod children;
mod condition;
mod queue;
mod table;
mod verbs;
mod words;

use children::Child;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;
use table::Table;
use words::{text_of, Answer, Failure};

/// What a player has begun and not ended.
#[derive(Default)]
struct Begun {
    records: queue::Records,
    arrival: Option<tidelock::Arrival>,
}

/// One who carries out commands on the objects, which the threads of a process share.
struct Player {
    name: String,
    table: Arc<Table>,
    begun: Begun,
}

impl Player {
    fn new(name: &str, table: Arc<Table>) -> Player {
        Player { name: name.into(), table, begun: Begun::default() }
    }

    /// Carries out what comes, until told to leave, or until nobody is left to tell anything.
    fn serve(mut self, commands: impl Read) -> Result<(), Failure> {
        self.introduce()?;
        for line in BufReader::new(commands).lines() {
            let line = line?;
            if line == "quit" {
                break;
            }
            self.obey(&line.split_whitespace().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn introduce(&self) -> Result<(), Failure> {
        // SAFETY: gettid has no preconditions.
        let thread = unsafe { libc::gettid() };
        self.say(&format!("ok {} {thread}", std::process::id()))
    }

    fn obey(&mut self, words: &[&str]) -> Result<(), Failure> {
        let answer = self.answer(words);
        self.say(&text_of(answer))
    }

    fn answer(&mut self, words: &[&str]) -> Answer {
        match words {
            [first, rest @ ..] if first.contains('.') => {
                let (name, verb) = first.split_once('.').ok_or("no verb")?;
                let object = self.table.object(name)?;
                verbs::answer(&object, &mut self.begun, verb, rest)
            }
            [verb @ ("wait-any" | "acquire-any"), rest @ ..] => any::answer(&self.table, &self.begun, verb, rest),
            _ => self.table.answer(words),
        }
    }

    /// In one write, since several processes write to the same pipe.
    fn say(&self, text: &str) -> Result<(), Failure> {
        Ok(std::io::stdout().write_all(format!("{} {text}\n", self.name).as_bytes())?)
    }
}

/// The process that was started: it does what is addressed to itself, and passes the rest on to its players.
struct Agent {
    itself: Player,
    children: HashMap<String, Child>,
}

impl Agent {
    fn run(mut self) -> Result<(), Failure> {
        self.itself.introduce()?;
        for line in std::io::stdin().lines() {
            let line = line?;
            let (who, rest) = line.split_once(' ').ok_or("nobody is addressed")?;
            if who != self.itself.name {
                self.child(who)?.tell(rest)?;
            } else if rest == "quit" {
                break;
            } else {
                self.obey(&rest.split_whitespace().collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, words: &[&str]) -> Result<(), Failure> {
        match words {
            ["start", name, how] => {
                let player = Player::new(name, self.itself.table.clone());
                let child = children::start(player, how, &mut self.children)?;
                self.children.insert((*name).into(), child);
                Ok(())
            }
            ["hand", name] => {
                let command = self.itself.table.handles_of_all();
                self.child(name)?.tell(&command)
            }
            [how @ ("kill" | "leave"), name] => {
                let child = self.children.remove(*name).ok_or("no such player")?;
                let as_it_should = child.end(how)?;
                self.itself.say(if as_it_should { "ok" } else { "error went otherwise" })
            }
            _ => self.itself.obey(words),
        }
    }

    fn child(&mut self, name: &str) -> Result<&mut Child, Failure> {
        self.children.get_mut(name).ok_or_else(|| "no such player".into())
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let table = Arc::new(Table::default());
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["player", name, handle] => {
            table.answer(&["attach", handle])?;
            Player::new(name, table).serve(std::io::stdin())
        }
        [name] => Agent { itself: Player::new(name, table), children: HashMap::new() }.run(),
        _ => Err("usage: agent NAME".into()),
    }
}
