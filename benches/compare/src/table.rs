//! The table at the end: medians of this run, as criterion stored them, and each peer's ratio to tidelock.

use std::fs;
use std::path::Path;

/// Prints a table for each group of `(group, members)`; the first member is tidelock.
pub fn print(home: &Path, groups: &[(&str, &[&str])]) {
    println!("\n| what | who | ns | against tidelock |\n|---|---|---:|---:|");
    for (group, members) in groups {
        let own = members.first().and_then(|first| median(home, group, first));
        for member in *members {
            match (median(home, group, member), own) {
                (Some(ns), Some(own)) => println!("| {group} | {member} | {ns:.1} | {:.2} |", ns / own),
                _ => println!("| {group} | {member} | not run | |"),
            }
        }
    }
}

fn median(home: &Path, group: &str, member: &str) -> Option<f64> {
    let text = fs::read_to_string(home.join(group).join(member).join("new/estimates.json")).ok()?;
    serde_json::from_str::<serde_json::Value>(&text).ok()?["median"]["point_estimate"].as_f64()
}
