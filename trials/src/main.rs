//! Runs trials and prints their figures, one `bench:` line each.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use futures_util::future::join_all;
use tokio::time::sleep;
use trials::figures::percentile;
use trials::lane::{Lane, Ordeal, Outcome, Setting};
use trials::namespace::Namespace;
use trials::shaper::Link;
use trials::stage::Stage;
use trials::weather::Weather;

/// Trials of a call that is broken in every way.
#[derive(Parser)]
struct Arguments {
    /// What to try.
    #[arg(value_enum, default_values_t = [What::Address, What::Cut, What::Kill, What::Move, What::Loss])]
    what: Vec<What>,
    /// Trials of each kind.
    #[arg(long, default_value_t = 200)]
    trials: usize,
    /// Calls at the same time.
    #[arg(long, default_value_t = 10)]
    lanes: u8,
    /// The program whose `media` is a node.
    #[arg(long, default_value = "target/debug/visioplainte")]
    node: PathBuf,
    /// Milliseconds that every packet takes, each way.
    #[arg(long, default_value_t = 20)]
    delay: u64,
    /// Milliseconds that it takes more at most.
    #[arg(long, default_value_t = 5)]
    jitter: u64,
    /// Share of packets lost, each way, in the trials of recovery.
    #[arg(long, default_value_t = 0.005)]
    loss: f64,
    /// Seconds of the trial of repair, at two packets lost in a hundred each way.
    #[arg(long, default_value_t = 60)]
    repair: u64,
    /// Where chance begins.
    #[arg(long, default_value_t = 4)]
    seed: u64,
    /// Tell what happened in every trial.
    #[arg(long)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A participant's address changes.
    Address,
    /// Nothing passes for three seconds.
    Cut,
    /// The node is killed and started again.
    Kill,
    /// The room moves to the other node.
    Move,
    /// Two packets of a hundred are lost each way: how often is each sent again?
    Loss,
}

const CUT: Duration = Duration::from_secs(3);
const REPAIR_LOSS: f64 = 0.02;
/// Longer than any image is waited for.
const SETTLE: Duration = Duration::from_secs(5);

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let namespace = Namespace::new("stage")?;
    // Before the runtime: every thread and child starts in it.
    namespace.enter()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run(arguments, namespace))
}

async fn run(arguments: Arguments, namespace: Namespace) -> io::Result<()> {
    let talker = std::env::current_exe()?.with_file_name("talker");
    let stage = Stage::set(namespace, std::fs::canonicalize(&arguments.node)?).await?;
    let setting = Setting {
        weather: Weather {
            delay: Duration::from_millis(arguments.delay),
            jitter: Duration::from_millis(arguments.jitter),
            loss: arguments.loss,
            bursts: None,
        },
        seed: arguments.seed,
        packets_per_frame: 1,
    };
    let mut lanes = Vec::new();
    for number in 0..arguments.lanes {
        lanes.push(Lane::new(&stage, number, &talker, &setting).await?);
    }
    for lane in &lanes {
        if !lane.well().await {
            eprintln!("{}", lane.story());
            return Err(io::Error::other("a call did not come about"));
        }
    }
    for what in &arguments.what {
        let (name, ordeal) = match what {
            What::Address => ("gap", Ordeal::Address),
            What::Cut => ("after_cut", Ordeal::Cut(CUT)),
            What::Kill => ("after_kill", Ordeal::Kill),
            What::Move => ("after_move", Ordeal::Move),
            What::Loss => {
                repair(&lanes, &setting, Duration::from_secs(arguments.repair)).await;
                continue;
            }
        };
        let outcomes = try_all(&mut lanes, &stage, ordeal, &arguments).await?;
        tell(name, &outcomes, &arguments);
    }
    tell_weather(&lanes);
    Ok(())
}

/// Shares the trials out to the lanes, which go through them at the same time.
async fn try_all(
    lanes: &mut [Lane],
    stage: &Stage,
    ordeal: Ordeal,
    arguments: &Arguments,
) -> io::Result<Vec<Outcome>> {
    let count = lanes.len();
    let each = lanes
        .iter_mut()
        .enumerate()
        .map(|(index, lane)| async move {
            // Not all at the same moment, as calls are not.
            sleep(Duration::from_millis(317 * index as u64)).await;
            let mut outcomes = Vec::new();
            let share = arguments.trials / count + usize::from(index < arguments.trials % count);
            for _ in 0..share {
                if !lane.well().await {
                    return Err(io::Error::other("a call did not get well again"));
                }
                outcomes.push(lane.suffer(stage, ordeal).await?);
            }
            Ok(outcomes)
        });
    let mut all = Vec::new();
    for outcomes in join_all(each).await {
        all.extend(outcomes?);
    }
    Ok(all)
}

fn tell(name: &str, outcomes: &[Outcome], arguments: &Arguments) {
    let values: Vec<f64> = outcomes.iter().map(|outcome| outcome.without_ms).collect();
    let lost = outcomes.iter().filter(|outcome| !outcome.well).count();
    let mut slowest: Vec<&Outcome> = outcomes.iter().collect();
    slowest.sort_by(|one, two| two.without_ms.total_cmp(&one.without_ms));
    let shown = if arguments.verbose { slowest.len() } else { 1 };
    for outcome in slowest.into_iter().take(shown) {
        eprintln!("{name}: {:.0} ms without voice", outcome.without_ms);
        for (after, what) in &outcome.story {
            eprintln!("  {after:8.0} ms  {what}");
        }
    }
    eprintln!(
        "{name}: {} trials, {lost} not well in half a minute",
        values.len()
    );
    for (share, label) in [(0.5, "p50"), (0.95, "p95"), (1.0, "max")] {
        if let Some(value) = percentile(&values, share) {
            println!("bench: sfu.{name}_ms_{label} {value:.0} ms");
        }
    }
}

/// Loses packets, and counts how often each is sent again.
async fn repair(lanes: &[Lane], setting: &Setting, length: Duration) {
    let weather = |loss| Weather {
        loss,
        ..setting.weather
    };
    let links = || lanes.iter().flat_map(Lane::links);
    let count = || -> [[u64; 6]; 2] {
        let mut sums = [[0; 6]; 2];
        for link in links() {
            for (tally, sum) in link.tallies().into_iter().zip(&mut sums) {
                let counters = [
                    &tally.sent,
                    &tally.lost,
                    &tally.image,
                    &tally.image_lost,
                    &tally.resent,
                    &tally.resent_lost,
                ];
                for (counter, sum) in counters.into_iter().zip(sum.iter_mut()) {
                    *sum += counter.load(std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
        sums
    };
    links().for_each(|link| link.weather(weather(0.0)));
    // What was lost before is given up by then.
    sleep(SETTLE).await;
    let heard_before: Vec<_> = lanes.iter().flat_map(Lane::listening).collect();
    let before = count();
    links().for_each(|link| link.weather(weather(REPAIR_LOSS)));
    sleep(length).await;
    // The last losses are repaired in fair weather.
    links().for_each(|link| link.weather(weather(0.0)));
    sleep(SETTLE).await;
    let after = count();
    links().for_each(|link| link.weather(setting.weather));
    let (mut lost, mut resent) = (0, 0);
    for ((way, before), after) in ["up", "down"].into_iter().zip(before).zip(after) {
        let [sent, gone, image, image_lost, again, again_lost]: [u64; 6] =
            std::array::from_fn(|index| after[index] - before[index]);
        eprintln!(
            "loss {way}: {gone} of {sent} packets lost ({:.2} %); image: {image} sent, \
             {image_lost} lost, {again} resent, {again_lost} of those lost",
            100.0 * gone as f64 / sent.max(1) as f64
        );
        println!(
            "bench: sfu.resends_per_loss_{way} {:.3}",
            again as f64 / (image_lost + again_lost).max(1) as f64
        );
        lost += image_lost + again_lost;
        resent += again;
    }
    println!(
        "bench: sfu.resends_per_loss {:.3}",
        resent as f64 / lost.max(1) as f64
    );
    let heard_after: Vec<_> = lanes.iter().flat_map(Lane::listening).collect();
    let (mut images, mut missing, mut twice, mut repaired) = (0, 0, 0, 0);
    for (before, after) in heard_before.iter().zip(&heard_after) {
        images += after.images - before.images;
        missing += after.images_missing - before.images_missing;
        twice += after.images_twice - before.images_twice;
        repaired += after.images_repaired - before.images_repaired;
    }
    eprintln!(
        "repair: {images} images heard, {repaired} of them late, {twice} more than once, {missing} never"
    );
    println!(
        "bench: sfu.unrepaired_share {:.6}",
        missing as f64 / (images + missing).max(1) as f64
    );
}

/// What the links did, which is not quite what they were asked for.
fn tell_weather(lanes: &[Lane]) {
    for (way, name) in ["up", "down"].into_iter().enumerate() {
        let tallies = lanes
            .iter()
            .flat_map(Lane::links)
            .map(|link: &Link| link.tallies()[way]);
        let (mut sent, mut lost, mut cut, mut delays) = (0, 0, 0, Vec::new());
        for tally in tallies {
            sent += tally.sent.load(std::sync::atomic::Ordering::Relaxed);
            lost += tally.lost.load(std::sync::atomic::Ordering::Relaxed);
            cut += tally.cut.load(std::sync::atomic::Ordering::Relaxed);
            delays.extend(tally.delays_us().iter().map(|us| f64::from(*us) / 1000.0));
        }
        let delay = |share| percentile(&delays, share).unwrap_or(0.0);
        eprintln!(
            "links {name}: {sent} packets, {:.2} % lost by chance, {cut} in cuts; \
             delay p50 {:.1} ms, p95 {:.1} ms, max {:.1} ms",
            100.0 * lost as f64 / sent.max(1) as f64,
            delay(0.5),
            delay(0.95),
            delay(1.0)
        );
    }
}
