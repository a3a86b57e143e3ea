//! A hostile peer cannot disturb other rooms: a real node in a process of its
//! own, rooms of bystanders in a call, and every attack in turn.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Command;

/// The share of packets that bystanders may lose beyond what the machine loses
/// by itself: its two cores also carry the attack, and perhaps other tests.
const TOLERANCE: f64 = 0.01;

#[test]
fn bystanders_lose_nothing_and_the_node_lives_through_every_attack() {
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args([
            "hostile",
            "--rooms",
            "3",
            "--window-ms",
            "700",
            "--rate",
            "2000",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    // The program itself fails when the node falls, when a bystander hears
    // nothing, when memory grows, or when an attack could not be carried out.
    assert!(output.status.success(), "{told}");
    let figures = String::from_utf8_lossy(&output.stdout);
    let figure = |name: &str| -> f64 {
        figures
            .lines()
            .find_map(|line| line.strip_prefix(&format!("bench: {name} ")))
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("{name} is missing in {figures}"))
    };
    let lost = figure("sfu.bystander_loss") - figure("sfu.bystander_loss_calm");
    assert!(lost <= TOLERANCE, "{told}");
}
