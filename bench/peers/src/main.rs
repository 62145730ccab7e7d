//! sendconn-peers CASES SECONDS: what the Rust crates take for the checks in the folder CASES (bench/auth-bench writes
//! it), one line each: name, nanoseconds of CPU time for an iteration, allocations for an iteration, a tab between.
//! Each is measured for SECONDS. A check whose verdict is not the expected one ends the program.

mod clock;
mod mail;
mod spf;
mod zone;

use std::path::PathBuf;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() != 3 {
        eprintln!("usage: sendconn-peers CASES SECONDS");
        std::process::exit(2);
    }
    let cases = PathBuf::from(&arguments[1]);
    let seconds: f64 = arguments[2].parse().expect("SECONDS is a number");
    for scenario in ["ip4_first", "three_includes", "mx_of_four"] {
        spf::measure(&cases, scenario, seconds);
    }
    mail::measure(&cases, seconds);
}
